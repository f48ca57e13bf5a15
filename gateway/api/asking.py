"""From an HTTP request to the `CreateVideo` in it; faults come back in the caller's words."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_address
from typing import Any, NamedTuple

from litestar import Request

from gateway.api.body import may_be_long, read_body_of
from gateway.api.once import fingerprint
from gateway.api.stored import surroundings
from gateway.engine.intake import judge
from gateway.model.errors import FieldFault, InvalidError
from gateway.model.lost import still_true
from gateway.model.parse import Parsed, Unreadable, as_spelled, parse_create
from gateway.routing.order import likely_first


class Asked(NamedTuple):
    """A request for a video, how the caller spelled it, and what is the same of a repetition."""

    parsed: Parsed
    fingerprint: str


async def asked(request: Request[Any, Any, Any], *, extends: bool = False) -> Asked:
    """The request for a video in the body.

    Args:
        request: The HTTP request.
        extends: A video has to be extended.

    Raises:
        InvalidError: It is readable, and no request for a video; with every fault.
        CallerError: It is not readable; see `read_body_of`.
    """
    body = await read_body_of(request)
    # Pictures inside the body are decoded here, which takes a moment for large ones.
    parse = partial(_parse, body, request, extends=extends)
    found = await asyncio.to_thread(parse) if may_be_long(request) else parse()
    if isinstance(found, Asked):
        return found
    faults = likely_first((*found.faults, *await _besides(found, request)))
    # Each target has its own words for what is one thing to mend.
    count = len({fault.pointer for fault in faults})
    told = "1 thing is" if count == 1 else f"{count} things are"
    raise InvalidError(f"{told} wrong with the request.", errors=faults)


async def _besides(parsed: Unreadable, request: Request[Any, Any, Any]) -> tuple[FieldFault, ...]:
    """What would be refused next, were everything that cannot be read put right."""
    if parsed.sound is None:
        return ()
    tools, owner = surroundings(request)
    try:
        await judge(tools, parsed.sound.request, owner)
    except InvalidError as error:
        return as_spelled(still_true(error.errors, parsed.lost), parsed.sound.spelled)
    return ()


@contextmanager
def in_their_words(spelled: Mapping[str, str]) -> Iterator[None]:
    """Have faults found later told at the names that the caller used.

    Raises:
        InvalidError: The one that was raised within, in other words.
    """
    try:
        yield
    except InvalidError as error:
        error.errors = as_spelled(error.errors, spelled)
        raise


def _parse(body: object, request: Request[Any, Any, Any], *, extends: bool) -> Asked | Unreadable:
    networks = request.app.state.allow_private

    def plain_http(host: str) -> bool:
        """Only an address can be judged without asking anybody; names need https."""
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in networks)

    parsed = parse_create(body, plain_http=plain_http, extends=extends)
    return parsed if isinstance(parsed, Unreadable) else Asked(parsed, fingerprint(request, body))
