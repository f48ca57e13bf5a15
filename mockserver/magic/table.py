"""What makes the mock answer other than well: one table, shown by `GET /__mock`, walked by tests.

Every trigger is an invention of this mock; what it triggers is what `evidence` speaks of.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

from mockserver.magic.directives import DIRECTIVES
from mockserver.magic.files import FILES
from mockserver.pictory.rules import KEY_SUFFIXES
from mockserver.pictory.rules import REFUSALS as PICTORY_REFUSALS
from mockserver.pixverse.errors import (
    BUSY,
    EMAIL_SUFFIXES,
    HOLD_SUFFIX,
    MAGIC_SEEDS,
    TOKEN_SUFFIXES,
)
from mockserver.pixverse.errors import REFUSALS as PIXVERSE_REFUSALS
from mockserver.wire.evidence import Evidence
from mockserver.wire.refusals import Refusal

Carrier = Literal["prompt", "seed", "file", "key", "token", "email", "request"]
"""Where the trigger stands; a `request` is one that would be answered so by the provider too."""

Provider = Literal["pictory", "pixverse"]


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """A cause and its effect."""

    provider: Provider
    carrier: Carrier
    value: str
    """What to send; of a `request`, what to do."""
    status: int
    """Of the answer; 0 where the reply is cut."""
    meaning: str
    evidence: Evidence


def _answered(provider: Provider, carrier: Carrier, value: str, row: Refusal) -> Trigger:
    """A trigger that has a submit answered by a row of a provider's errors."""
    return Trigger(
        provider=provider,
        carrier=carrier,
        value=value,
        status=row.status,
        meaning=row.meaning,
        evidence=row.evidence,
    )


def _pictory() -> Iterator[Trigger]:
    for status, row in PICTORY_REFUSALS.items():
        yield _answered("pictory", "prompt", f"[[mock refuse={status}]]", row)
    for status in KEY_SUFFIXES:
        yield _answered("pictory", "key", f"pictai_mock-{status}", PICTORY_REFUSALS[status])


def _files() -> Iterator[Trigger]:
    """Names of inputs; only Pictory takes inputs by URL."""
    for name, row in FILES.items():
        directive = row.directive.partition("=")[0]
        yield Trigger(
            provider="pictory",
            carrier="file",
            value=name,
            status=DIRECTIVES[directive].answer,
            meaning=row.meaning,
            evidence="invented",
        )


def _pixverse() -> Iterator[Trigger]:
    for status, row in PIXVERSE_REFUSALS.items():
        yield _answered("pixverse", "prompt", f"[[mock refuse={status}]]", row)
    for seed, status in MAGIC_SEEDS.items():
        yield _answered("pixverse", "seed", str(seed), PIXVERSE_REFUSALS[status])
    for status in (*TOKEN_SUFFIXES, int(HOLD_SUFFIX)):
        yield _answered("pixverse", "token", f"user:1234-mock-{status}", PIXVERSE_REFUSALS[status])
    for status in EMAIL_SUFFIXES:
        yield _answered("pixverse", "email", f"ops+{status}@example.com", PIXVERSE_REFUSALS[status])
    for who, busy in BUSY.items():
        yield _answered("pixverse", "prompt", f"[[mock busy={who}]]", busy)


def _scripted() -> Iterator[Trigger]:
    """The directives that let a submit or a job go wrong, apart from those listed above."""
    providers: tuple[Provider, ...] = ("pictory", "pixverse")
    for name, row in DIRECTIVES.items():
        if name in {"refuse", "busy"}:
            continue
        for provider in providers:
            if row.provider in {None, provider}:
                yield Trigger(
                    provider=provider,
                    carrier="prompt",
                    value=f"[[mock {row.example}]]",
                    status=row.answer,
                    meaning=row.meaning,
                    evidence="invented",
                )


def _request(
    provider: Provider, value: str, status: int, meaning: str, evidence: Evidence
) -> Trigger:
    return Trigger(
        provider=provider,
        carrier="request",
        value=value,
        status=status,
        meaning=meaning,
        evidence=evidence,
    )


NATURAL = (
    _request("pictory", "break a rule", 400, "`fields` names every fault", "documented"),
    _request("pictory", "send `Bearer` before the key", 401, "the key goes raw", "documented"),
    _request(
        "pictory",
        "name a library as User-Agent, with `edge_blocks_agents`",
        403,
        "the edge's page",
        "inferred",
    ),
    _request("pictory", "ask for an unknown job", 200, "`success` is false", "inferred"),
    _request("pictory", "clean a finished job, then ask", 200, "`cleaned`", "documented"),
    _request("pictory", "clean a running job", 400, "only finished ones", "invented"),
    _request("pixverse", "break a rule", 400, "the text names every fault", "documented"),
    _request("pixverse", "leave the token out", 401, "a Bearer token is needed", "documented"),
    _request("pixverse", "name an unknown account", 404, "it is not configured", "inferred"),
    _request("pixverse", "fill the account named", 429, "busy executing", "documented"),
    _request("pixverse", "fill all accounts", 429, "at maximum capacity", "documented"),
    _request("pixverse", "ask for a running video", 404, "still processing", "documented"),
    _request("pixverse", "percent-encode a video id", 400, "ids go raw", "inferred"),
    _request(
        "pixverse",
        "POST /__mock/accounts/{email}/hold, then create",
        596,
        "on hold until POST accounts/email",
        "documented",
    ),
    _request("pixverse", "upload a picture over 4000 pixels", 400, "PixVerse's rule", "inferred"),
)

TRIGGERS: tuple[Trigger, ...] = (*_pictory(), *_files(), *_pixverse(), *_scripted(), *NATURAL)
"""Every trigger, in the order in which it is shown."""
