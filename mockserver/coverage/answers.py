"""Behaviours of the providers: what they refuse, in which words, and what they tell of jobs."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from mockserver.coverage.behaviour import ANY, Behaviour, Provocation, Shown
from mockserver.downloads import EXPIRED, NOT_YET
from mockserver.engine.jobs import LIFE, FailureKind, Phase
from mockserver.engine.journal import Delivery, Event, Exchange, Loaded
from mockserver.magic.directives import FATES
from mockserver.pictory import answers as pictory
from mockserver.pictory.rules import REFUSALS as PICTORY_REFUSALS
from mockserver.pixverse import answers as pixverse
from mockserver.pixverse.errors import BUSY
from mockserver.pixverse.errors import REFUSALS as PIXVERSE_REFUSALS
from mockserver.wire.refusals import Refusal

_OK, _CREATED, _INVALID, _MISSING, _BUSY, _HELD = 200, 201, 400, 404, 429, 596
_DIRECTIVE = b"[[mock "

Seen = Callable[[Exchange], bool]

TOLD: Mapping[str, Mapping[Phase, str]] = {
    "pictory": pictory.STATUSES,
    "pixverse": {phase: status.name for phase, status in pixverse.STATUSES.items()},
}
"""The words for where a job stands, by provider."""

FATE_OF: Mapping[FailureKind, str] = {kind: name for name, kind in FATES.items()}
FATE_OF_PHASE: Mapping[Phase, str] = {
    Phase.FAILED: FATE_OF["generation"],
    Phase.MODERATED: FATE_OF["moderation"],
}


def any_request(seen: Seen) -> Shown:
    """Whether a request was answered so."""
    return lambda lines: any(isinstance(line, Exchange) and seen(line) for line in lines)


def body_of(line: Exchange) -> Any:
    """The reply's document; None where it is none."""
    try:
        return msgspec.json.decode(line.reply)
    except msgspec.DecodeError:
        return None


# --- refusals


def refusals() -> Iterator[Behaviour]:
    """A row for each way to say no to an order, by status and text."""
    for provider, table in (("pictory", PICTORY_REFUSALS), ("pixverse", PIXVERSE_REFUSALS)):
        for status, refusal in table.items():
            yield _refusal(provider, f"{provider}.{status}", refusal, f"refuse={status}")
    for who, refusal in BUSY.items():
        yield _refusal("pixverse", f"pixverse.429-{who}", refusal, f"busy={who}")


def _refusal(provider: str, name: str, refusal: Refusal, directive: str) -> Behaviour:
    return Behaviour(
        id=name,
        provider=provider,
        meaning=f"{refusal.status}: {refusal.meaning}",
        provoke=Provocation(directive=directive),
        shown=any_request(partial(_is_refused, provider, refusal.status, pattern_of(refusal))),
    )


def pattern_of(refusal: Refusal) -> re.Pattern[bytes] | None:
    """What the body looks like, whatever the facts in it; None where any text may stand there."""
    if refusal.status == _INVALID:
        return None
    body = refusal.body.encode() if refusal.is_page else msgspec.json.encode(refusal.body)
    return re.compile(re.sub(rb"\\\{\w+\\\}", b".+", re.escape(body)))


def _is_refused(
    provider: str, status: int, pattern: re.Pattern[bytes] | None, line: Exchange
) -> bool:
    if (line.act, line.provider, line.status) != ("submit", provider, status):
        return False
    # A submit that was taken all the same is another behaviour.
    fits = pattern is None or pattern.fullmatch(line.reply) is not None
    return fits and line.job is None and not line.lost


# --- what is told of jobs


def phases() -> Iterator[Behaviour]:
    """A row for each phase that a provider tells of, and for each code of failures."""
    for provider, words in TOLD.items():
        for phase, word in words.items():
            fate = FATE_OF_PHASE.get(phase)
            directive = f"fail={fate}" if fate else ""
            yield Behaviour(
                id=f"{provider}.{phase}",
                provider=provider,
                meaning=f"a look tells that a job is {phase}, as `{word}`",
                provoke=Provocation(
                    directive=directive, act="" if not LIFE[phase] else f"look while it is {phase}"
                ),
                shown=any_request(partial(_is_told, provider, phase)),
            )
    for kind, code in pictory.ERROR_CODES.items():
        yield Behaviour(
            id=f"pictory.{FATE_OF[kind]}-code",
            provider="pictory",
            meaning=f"a job has failed with the code {code}",
            provoke=Provocation(directive=f"fail={FATE_OF[kind]}"),
            shown=any_request(partial(_has_code, code)),
        )


def _is_told(provider: str, phase: Phase, line: Exchange) -> bool:
    told = line.status == _OK and not line.lost and line.provider == provider
    return told and any(each == phase for _, each in line.told)


def _data(line: Exchange) -> Any:
    """What Pictory's answer holds about a job; empty where it holds none."""
    body = body_of(line) if line.provider == "pictory" and line.act == "poll" else None
    return body.get("data", {}) if isinstance(body, dict) else {}


def _has_code(code: str, line: Exchange) -> bool:
    return not line.lost and bool(_data(line).get("error_code") == code)


def _has_status(status: str, line: Exchange) -> bool:
    return not line.lost and bool(_data(line).get("status") == status)


def _is_unknown(line: Exchange) -> bool:
    return bool(_data(line) == pictory.NOT_FOUND)


def _has_video(fits: Callable[[Mapping[str, Any]], bool], line: Exchange) -> bool:
    if line.provider != "pixverse" or line.act not in {"poll", "list"} or line.lost:
        return False
    body = body_of(line)
    videos = body.get("data", [body]) if isinstance(body, dict) else ()
    return any("video_status" in video and fits(video) for video in videos)


def _is_odd(video: Mapping[str, Any]) -> bool:
    return bool(video["video_status"] == pixverse.ODD_STATUS.code)


def _is_queued_and_final(video: Mapping[str, Any]) -> bool:
    queued = pixverse.STATUSES[Phase.QUEUED].code
    return bool(video["video_status"] == queued and video["video_status_final"])


# --- limits


def _is_natural(line: Exchange) -> bool:
    """Nobody asked for the answer."""
    return line.act == "submit" and not line.faults and _DIRECTIVE not in line.body


FULL: Mapping[str, re.Pattern[bytes] | None] = {
    "pictory": pattern_of(PICTORY_REFUSALS[_BUSY]),
    "pixverse": pattern_of(PIXVERSE_REFUSALS[_BUSY]),
}


def _is_full(line: Exchange) -> bool:
    return (
        _is_natural(line)
        and "retry-after" not in line.reply_headers
        and _is_refused(line.provider, _BUSY, FULL.get(line.provider), line)
    )


def _has_room_again(lines: Sequence[Event]) -> bool:
    requests = [line for line in lines if isinstance(line, Exchange)]
    taken = {line.provider: line.n for line in requests if line.act == "submit" and line.job}
    return any(_is_full(line) and line.n < taken.get(line.provider, 0) for line in requests)


def _is_released(lines: Sequence[Event]) -> bool:
    requests = [line for line in lines if isinstance(line, Exchange)]
    held = [line.n for line in requests if line.act == "submit" and line.status == _HELD]
    posted = [line.n for line in requests if line.act == "account" and line.status == _CREATED]
    return bool(held) and bool(posted) and held[0] < posted[-1]


# --- the rest, row by row


def _calls(phases_told: frozenset[str]) -> Shown:
    return lambda lines: any(
        isinstance(line, Delivery) and line.how == "" and line.phase in phases_told
        for line in lines
    )


ENDS = frozenset(phase.value for phase, following in LIFE.items() if not following)
SLOW = {"queue_seconds": 60.0}


def _row(
    name: str, meaning: str, shown: Shown, provider: str = ANY, **provocation: Any
) -> Behaviour:
    provoke = Provocation(**provocation)
    return Behaviour(id=name, provider=provider, meaning=meaning, provoke=provoke, shown=shown)


OTHERS: tuple[Behaviour, ...] = (
    _row(
        "pictory.cleaned",
        "a job's result has been deleted: `cleaned`",
        any_request(partial(_has_status, pictory.CLEANED)),
        "pictory",
        directive="clean",
    ),
    _row(
        "pictory.odd-status",
        "a job has a status that no page knows",
        any_request(partial(_has_status, pictory.ODD_STATUS)),
        "pictory",
        directive="odd-status",
    ),
    _row(
        "pictory.unknown-job",
        "nobody knows the job that is asked for",
        any_request(_is_unknown),
        "pictory",
        act="look at a job that you did not order",
    ),
    _row(
        "pictory.rate-limited",
        "too many requests within a minute, with a Retry-After",
        any_request(
            lambda line: (
                line.provider == "pictory"
                and line.status == _BUSY
                and not line.faults
                and "retry-after" in line.reply_headers
            )
        ),
        "pictory",
        settings={"requests_per_minute": 1},
    ),
    _row(
        "pixverse.odd-status",
        "a video has a status that no page knows",
        any_request(partial(_has_video, _is_odd)),
        "pixverse",
        directive="odd-status",
        act="list the videos while it is running",
    ),
    _row(
        "pixverse.queued-final",
        "a video that waits says that it is final",
        any_request(partial(_has_video, _is_queued_and_final)),
        "pixverse",
        directive="queued-final",
        act="list the videos while it is queued",
    ),
    _row(
        "pixverse.still-processing",
        "404 for a video that is being made",
        any_request(
            lambda line: (
                (line.provider, line.act, line.status) == ("pixverse", "poll", _MISSING)
                and bool(line.told)
            )
        ),
        "pixverse",
        act="look while it is running",
    ),
    _row(
        "pixverse.encoded-id",
        "400 for a percent-encoded video id",
        any_request(
            lambda line: (line.provider, line.act, line.status) == ("pixverse", "poll", _INVALID)
        ),
        "pixverse",
        act="percent-encode the `:` of a video id",
    ),
    _row(
        "pixverse.upload-refused",
        "a file is not taken",
        any_request(lambda line: line.act == "upload" and line.status == _INVALID),
        "pixverse",
        act="upload something that is no picture",
    ),
    _row(
        "pixverse.untracked",
        "a slot is freed while the video goes on and stays charged",
        any_request(lambda line: line.operation == "pixverse.stop_tracking" and line.status == _OK),
        "pixverse",
        act="DELETE /scheduler/{video_id} while it is running",
    ),
    _row(
        "pixverse.released",
        "an account on hold works again after it has been configured anew",
        _is_released,
        "pixverse",
        faults=("submit#1:status=596",),
        act="POST /accounts/{email} after a 596",
    ),
    _row(
        "capacity-full",
        "the generator behind the account runs no more, though the account has room",
        any_request(_is_full),
        settings={"capacity": "0, 3 at 60s"},
    ),
    _row(
        "capacity-back",
        "and has room again later",
        _has_room_again,
        settings={"capacity": "0, 3 at 60s"},
        act="order again after 60 s",
    ),
    _row(
        "retry-after",
        "a 429 says how long to wait",
        any_request(lambda line: line.status == _BUSY and "retry-after" in line.reply_headers),
        faults=("submit#1:status=429 retry-after=30",),
    ),
    _row(
        "input-unreadable",
        "a picture or film to start from cannot be fetched, or is none",
        lambda lines: any(isinstance(line, Loaded) and line.fault for line in lines),
        "pictory",
        act="name a firstFrameImageUrl on loopback that nobody serves",
    ),
    _row(
        "callback.end",
        "a callback tells of a job's end",
        _calls(ENDS),
        act="name a webhook or replyUrl",
    ),
    _row(
        "callback.progress",
        "a callback tells of a job that goes on",
        _calls(frozenset({Phase.RUNNING.value})),
        "pixverse",
        act="name a replyUrl",
    ),
    _row(
        "download.expired",
        "the link of a film works no more",
        any_request(lambda line: line.act == "download" and body_of(line) == EXPIRED),
        settings={"link_seconds": 5.0},
        act="fetch the film after that",
    ),
    _row(
        "download.not-yet",
        "the job has completed, but its film is not there yet",
        any_request(lambda line: line.act == "download" and body_of(line) == NOT_YET),
        settings={"file_seconds": 60.0},
    ),
)
"""What no table of the providers holds."""


def behaviours() -> Iterator[Behaviour]:
    """All of them."""
    yield from refusals()
    yield from phases()
    yield from OTHERS
