"""The ways in which things go wrong: one row each."""

import re
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from mockserver.engine.durations import seconds_of

Target = Literal["submit", "poll", "list", "upload", "download", "callback", "request"]
"""What a fault strikes; a `request` is any of them but callbacks."""

Stage = Literal["before", "after", "reply", "bytes", "callback"]
"""`before` anything is done; `after` it was done, instead of the reply; on the `reply` as it is;
on the `bytes` of a file; on a `callback`."""

TARGETS: tuple[Target, ...] = (
    "submit", "poll", "list", "upload", "download", "callback", "request",
)  # fmt: skip
ALIASES: Mapping[str, Target] = {"hook": "callback", "webhook": "callback"}


def _nothing(text: str) -> float:
    if text:
        raise ValueError("takes no value")
    return 0


def _status(text: str) -> float:
    if not re.fullmatch(r"[2-5][0-9]{2}", text):
        raise ValueError("takes an HTTP status")
    return int(text)


def percent(text: str) -> float:
    """The share that a text such as `50%` tells of, from 0 to 1.

    Raises:
        ValueError: it tells of none.
    """
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]+)?)%", text)
    if found is None or float(found[1]) > 100:  # noqa: PLR2004 - percent
        raise ValueError("takes a share such as 50%")
    return float(found[1]) / 100


def _half(text: str) -> float:
    return percent(text or "50%")


def _count(text: str) -> float:
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text or "2"):
        raise ValueError("takes a whole number from 1 to 9999")
    return int(text or "2")


class Kind(msgspec.Struct, frozen=True):
    """A way to go wrong."""

    stage: Stage
    targets: frozenset[Target]
    read: Callable[[str], float]
    """Reads the value after `=`."""
    example: str
    meaning: str


_ANY: frozenset[Target] = frozenset({"submit", "poll", "list", "upload", "download", "request"})
_ASKED: frozenset[Target] = frozenset({"submit", "poll", "list", "upload", "request"})
_SUBMIT: frozenset[Target] = frozenset({"submit"})
_DOWNLOAD: frozenset[Target] = frozenset({"download"})
_CALLBACK: frozenset[Target] = frozenset({"callback"})

KINDS: Mapping[str, Kind] = {
    "reset": Kind(
        "before", _ANY, _nothing, "submit#1:reset", "the connection breaks and nothing was done"
    ),
    "timeout": Kind(
        "before", _ANY, _nothing, "poll#2:timeout", "never answered, and nothing was done"
    ),
    "status": Kind(
        "before",
        _ANY,
        _status,
        "submit#1:status=503",
        "answered with this status, and nothing was done; `retry-after=30` adds the header",
    ),
    "slow": Kind(
        "before", _ANY, seconds_of, "submit#1:slow=20s", "work on the request begins that late"
    ),
    "accept-then-reset": Kind(
        "after",
        _SUBMIT,
        _nothing,
        "submit#2:accept-then-reset",
        "a job is made and charged, then the connection breaks before the reply",
    ),
    "accept-then-cut": Kind(
        "after",
        _SUBMIT,
        _nothing,
        "submit#1:accept-then-cut",
        "a job is made and charged, then the connection breaks within the reply",
    ),
    "accept-then-timeout": Kind(
        "after",
        _SUBMIT,
        _nothing,
        "submit#1:accept-then-timeout",
        "a job is made and charged, then nothing comes back",
    ),
    "accept-then-status": Kind(
        "after",
        _SUBMIT,
        _status,
        "submit#1:accept-then-status=502",
        "a job is made and charged, then this status is answered; `retry-after=30` as above",
    ),
    "callback-first": Kind(
        "after",
        _SUBMIT,
        _nothing,
        "submit#1:callback-first",
        "the job ends at once, and its callbacks are answered before the submit is",
    ),
    "garble": Kind(
        "reply", _ASKED, _nothing, "poll#1:garble", "status 200 with a page that is no JSON"
    ),
    "late": Kind(
        "reply",
        _ANY,
        seconds_of,
        "submit#1:late=60s",
        "done at once, but the reply comes that late",
    ),
    "cut": Kind(
        "reply", _ANY, _half, "download#1:cut=50%", "the connection breaks after that share of it"
    ),
    "truncate": Kind(
        "bytes", _DOWNLOAD, _half, "download#1:truncate=50%", "the file ends there, as if whole"
    ),
    "empty": Kind("bytes", _DOWNLOAD, _nothing, "download#1:empty", "the file has no bytes"),
    "html": Kind(
        "bytes", _DOWNLOAD, _nothing, "download#1:html", "a page stands where the film should be"
    ),
    "moov-at-end": Kind(
        "bytes", _DOWNLOAD, _nothing, "download#1:moov-at-end", "the film's index is behind it"
    ),
    "wrong-length": Kind(
        "bytes", _DOWNLOAD, _nothing, "download#1:wrong-length", "half as long as ordered"
    ),
    "odd-size": Kind(
        "bytes", _DOWNLOAD, _nothing, "download#1:odd-size", "not the size that was ordered"
    ),
    "no-video-track": Kind(
        "bytes", _DOWNLOAD, _nothing, "download#1:no-video-track", "the film has no video track"
    ),
    "undecodable": Kind(
        "bytes", _DOWNLOAD, _nothing, "download#1:undecodable", "pictures that no decoder can read"
    ),
    "octet-stream": Kind(
        "bytes", _DOWNLOAD, _nothing, "download#1:octet-stream", "the film under a general type"
    ),
    "html-page": Kind(
        "bytes",
        _DOWNLOAD,
        _nothing,
        "download#1:html-page",
        "a page stands where the film should be, and its type says so",
    ),
    "trickle": Kind(
        "reply",
        _DOWNLOAD,
        seconds_of,
        "download#1:trickle=10s",
        "the bytes come in ten pieces over that time",
    ),
    "duplicate": Kind(
        "callback", _CALLBACK, _count, "callback#1:duplicate=2", "sent that many times (2)"
    ),
    "drop": Kind("callback", _CALLBACK, _nothing, "callback#1:drop", "never sent"),
    "delay": Kind("callback", _CALLBACK, seconds_of, "callback#1:delay=30s", "sent that late"),
    "reorder": Kind(
        "callback",
        _CALLBACK,
        _nothing,
        "callback#1:reorder",
        "sent after the next one of its job; its last one 30 s late, for other jobs' to overtake",
    ),
    "dead": Kind(
        "callback", _CALLBACK, _nothing, "callback#1:dead", "nobody listens at its address"
    ),
    "storm": Kind(
        "callback",
        _CALLBACK,
        _count,
        "callback#1:storm=20",
        "that many calls of progress come with it",
    ),
    "forge": Kind(
        "callback",
        _CALLBACK,
        _nothing,
        "callback#1:forge",
        "a false one comes first: it says the job has completed, with a link of its own",
    ),
    "stranger": Kind(
        "callback",
        _CALLBACK,
        _nothing,
        "callback#1:stranger",
        "one for a job that nobody ordered comes first",
    ),
}
"""Every fault by its name."""
