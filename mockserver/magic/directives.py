"""Directives in a prompt that script one job: `... [[mock run=3s fail=moderated]]`.

They are an invention of this mock: no provider has them. An unknown or misspelt one is refused,
because a directive that silently does nothing makes a test pass for the wrong reason.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Literal, get_args

import msgspec

from mockserver.engine.durations import seconds_of
from mockserver.engine.jobs import FailureKind, Quirk

_BEGIN = "[[mock"
_BLOCK = re.compile(r"\[\[mock\b([^\]]*)\]\]")
FATES: Mapping[str, FailureKind] = {
    "failed": "generation",
    "moderated": "moderation",
    "no-credits": "credits",
    "input": "input",
}
_REFUSING = ("refuse", "throttle", "busy")
"""The directives that `retry-after` adds a header to."""

Busy = Literal["account", "all"]


class DirectiveError(ValueError):
    """The prompt holds a directive this mock does not know; the text says which."""


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """What the directives of one prompt ask for."""

    queue: float | None = None
    run: float | None = None
    fail: FailureKind | None = None
    refuse: int = 0
    throttle: int = 0
    busy: Busy | None = None
    retry_after: int | None = None
    lose_reply: int = 0
    garble_reply: int = 0
    garble_poll: int = 0
    queued_final: bool = False
    odd_status: bool = False
    no_callback: bool = False
    clean: bool = False

    @property
    def quirks(self) -> frozenset[Quirk]:
        """The oddities that stay with the job."""
        asked: dict[Quirk, bool] = {
            "queued-final": self.queued_final,
            "odd-status": self.odd_status,
        }
        return frozenset(quirk for quirk, wanted in asked.items() if wanted)


def _fate(text: str) -> FailureKind:
    if text not in FATES:
        raise ValueError(f"takes one of: {', '.join(FATES)}")
    return FATES[text]


def _count(text: str) -> int:
    if not text:
        return 1
    if not re.fullmatch(r"\d{1,4}", text):
        raise ValueError("takes a whole number")
    return int(text)


def _status(text: str) -> int:
    if not re.fullmatch(r"\d{3}", text):
        raise ValueError("takes an HTTP status")
    return int(text)


def _busy(text: str) -> str:
    if text not in get_args(Busy):
        raise ValueError(f"takes one of: {', '.join(get_args(Busy))}")
    return text


def _flag(text: str) -> bool:
    if text:
        raise ValueError("takes no value")
    return True


class Directive(msgspec.Struct, frozen=True):
    """How a directive's value is read, an example, what it does, and whose jobs know it."""

    read: Callable[[str], object]
    example: str
    meaning: str
    provider: str | None = None
    """The only provider it is for; None means both."""
    answer: int = 200
    """The status of the submit; 0 where the reply is cut."""


DIRECTIVES: Mapping[str, Directive] = {
    "queue": Directive(seconds_of, "queue=1s", "virtual time before rendering starts"),
    "run": Directive(seconds_of, "run=3s", "virtual time of rendering"),
    "fail": Directive(
        _fate,
        "fail=moderated",
        f"the job is accepted, then ends so and is refunded: {', '.join(FATES)}",
    ),
    "refuse": Directive(
        _status, "refuse=412", "every submit is answered with this error; no job, no charge"
    ),
    "throttle": Directive(
        _count,
        "throttle=2",
        "the first N submits of this prompt answer 429 from upstream; no job",
        answer=429,
    ),
    "busy": Directive(
        _busy,
        "busy=account",
        "every submit answers 429 as if the account, or all accounts, were full; no job",
        "pixverse",
        answer=429,
    ),
    "retry-after": Directive(
        _count,
        "throttle=2 retry-after=30",
        f"adds a Retry-After of that many seconds to the answers of {', '.join(_REFUSING)}",
        answer=429,
    ),
    "lose-reply": Directive(
        _count,
        "lose-reply",
        "the first N submits (1) make and charge a job, then the reply is cut",
        answer=0,
    ),
    "garble-reply": Directive(
        _count,
        "garble-reply",
        "the first N submits (1) make and charge a job, then answer 200 with an HTML page",
    ),
    "garble-poll": Directive(
        _count,
        "garble-poll=2",
        "the first N looks (1) at the job, alone or in a list, answer 200 with an HTML page",
    ),
    "queued-final": Directive(
        _flag, "queued-final", "while queued the job says it is final", "pixverse"
    ),
    "odd-status": Directive(
        _flag, "odd-status", "while rendering the job has a status that no page knows"
    ),
    "no-callback": Directive(_flag, "no-callback", "no callback is ever sent for the job"),
    "clean": Directive(
        _flag, "clean", "the result is deleted the moment it is there: cleaned", "pictory"
    ),
}


def parse(prompt: str, *, refusals: Collection[int] = (), provider: str | None = None) -> Script:
    """The script in a prompt; an empty one when it has no directive.

    Args:
        prompt: the text to look through.
        refusals: the statuses that the provider knows to refuse with.
        provider: whose directives to know; None means those of all.

    Raises:
        DirectiveError: a directive is unknown or its value cannot be read.
    """
    if _BEGIN not in prompt:
        return Script()
    values: dict[str, object] = {}
    for block in _BLOCK.findall(prompt):
        for word in block.split():
            name, _, text = word.partition("=")
            values[name.replace("-", "_")] = _value(name, text, provider)
    if "refuse" in values and values["refuse"] not in refusals:
        known = ", ".join(map(str, refusals))
        raise DirectiveError(f"mock directive 'refuse' takes one of: {known}")
    if "retry_after" in values and not values.keys() & set(_REFUSING):
        known = ", ".join(_REFUSING)
        raise DirectiveError(f"mock directive 'retry-after' goes with one of: {known}")
    return msgspec.convert(values, Script)


def _value(name: str, text: str, provider: str | None) -> object:
    known = {
        each: row
        for each, row in DIRECTIVES.items()
        if provider is None or row.provider in {None, provider}
    }
    if name not in known:
        raise DirectiveError(f"unknown mock directive {name!r}; known are: {', '.join(known)}")
    try:
        return known[name].read(text)
    except ValueError as fault:
        raise DirectiveError(f"mock directive {name!r} {fault}") from None


def without_directives(prompt: str) -> str:
    """The prompt as a caption: what stands outside the directives."""
    return " ".join(_BLOCK.sub(" ", prompt).split())
