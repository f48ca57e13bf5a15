"""What a request would lead to, told before anything is spent."""

from typing import Any

import msgspec

from gateway.model.errors import FieldFault
from providers.contract import Price, VideoSpec


class QuotedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The paid request exactly as it would be sent, but for its headers, which hold the key.

    `<…>` stands for what comes into being only at submission: upload references, links
    with a signature, the callback's token, the attempt's id, a seed where none was given.
    """

    method: str
    url: str
    body: Any


class QuotedChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A target that could serve the request.

    `credits` is the price in the provider's credits and `money` in the quote's currency,
    both as decimal text; `free` says whether a slot is free
    now, and `reason` why none is.
    """

    target: str
    price: Price | None
    credits: str | None
    money: str | None
    estimated: bool
    free: bool
    reason: str | None


class RefusedTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A target that could not, and everything that stands against it."""

    target: str
    errors: tuple[FieldFault, ...]


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """Who would take the request now, what would be sent, and what it would cost.

    `target` is the first choice with a free slot, or the first choice while none has one;
    `waits` tells these apart, and `position` is the place in line the job would get.
    """

    target: str
    account: str | None
    waits: bool
    position: int
    spec: VideoSpec
    request: QuotedRequest
    price: Price | None
    credits: str | None
    money: str | None
    currency: str | None
    estimated: bool
    choices: tuple[QuotedChoice, ...]
    refused: tuple[RefusedTarget, ...]
