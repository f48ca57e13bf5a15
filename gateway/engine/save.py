"""Fetching the result at once, for the provider's link may expire."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from gateway.engine import policy
from gateway.engine.crash import crash_point
from gateway.engine.tools import Tools
from gateway.model.clock import SECOND
from gateway.model.job import Job, JobError, Result
from gateway.model.media import SNIFF_BYTES, NotMedia, sniff, video_facts
from gateway.model.phases import Event, Phase
from gateway.net import DownloadFailed
from gateway.storage import Connection, agenda, holdings, jobs
from gateway.storage.jobs import Change
from gateway.storage.media import Pins

AT_ONCE: Final = 12
"""Downloads at the same time."""
EACH: Final = 4
"""Of those, from one provider: one that hangs must not hold up the others' films."""
SECONDS: Final = 300.0
LEASE: Final = round((SECONDS + 120) * SECOND)

_log = structlog.get_logger()


def take_rendered(
    connection: Connection, tools: Tools, now: int, room: int, free: Callable[[str], int]
) -> list[Job]:
    """Jobs whose result is to be fetched, at most `room`, and of each lane what is `free`."""
    if room <= 0:
        return []
    found: list[Job] = []
    taken = Counter[str]()
    for account in agenda.rendered(connection, now):
        lane = lane_of(tools, account)
        most = min(free(lane) - taken[lane], room - len(found))
        if most > 0:
            some = agenda.take_rendered(
                connection, account, now, until=now + LEASE, limit=most, replica=tools.replica
            )
            taken[lane] += len(some)
            found += some
    return found


def lane_of(tools: Tools, account: str | None) -> str:
    """Who else's results come from the same place: those of the account's provider."""
    known = tools.accounts.get(account or "")
    return known.provider if known else account or ""


async def save(tools: Tools, job: Job) -> None:
    """Bring one result onto our disk, check it, complete the job."""
    # Pinned until the job's row holds it: the same bytes may be another job's, just removed.
    with tools.pins() as pins:
        await _save(tools, job, pins)


async def _save(tools: Tools, job: Job, pins: Pins) -> None:
    began, hopeless, ours = tools.clock.now(), False, False
    try:
        result = await _fetch(tools, job, pins)
    except DownloadFailed as error:
        words, hopeless, ours = str(error), not error.retry, error.ours
    except NotMedia as error:
        words = str(error)
    except OSError as error:
        words, ours = f"cannot be kept: {error.strerror or error}", True
    except Exception as error:  # noqa: BLE001 - the job must not stay here for ever
        _log.exception("saving a result failed", job=job.id)
        words = f"internal error: {type(error).__name__}"
    else:
        await tools.moved(lambda connection: _saved(connection, tools, job, result))
        crash_point("saved-stored")
        return
    if ours:
        await _not_kept(tools, job, began, words)
        return
    await tools.moved(
        lambda connection: _not_saved(connection, tools, job, words, hopeless=hopeless)
    )


async def _fetch(tools: Tools, job: Job, pins: Pins) -> Result:
    if job.remote_url is None:
        raise NotMedia("the provider named no link")
    incoming = await asyncio.to_thread(tools.media.incoming)
    try:
        got = await tools.upstream.fetch(
            job.remote_url,
            incoming,
            max_bytes=tools.pace.max_media_bytes,
            deadline=SECONDS,
        )
        result = await asyncio.to_thread(_check, incoming, got.digest, got.size)
        crash_point("film-fetched")
        # Marked first, as inputs are: a crash before the row is written leaves no bytes behind.
        pins.foresee([got.digest])
        await tools.persist(lambda connection: holdings.mark(connection, [got.digest]))
        await asyncio.to_thread(pins.adopt, incoming, got.digest)
        crash_point("film-kept")
    finally:
        await asyncio.to_thread(incoming.unlink, missing_ok=True)
    return result


def _check(path: Path, digest: str, size: int) -> Result:
    """A file that is no video is no result: HTML with status 200 is what errors look like."""
    with path.open("rb") as file:
        media_type = sniff(file.read(SNIFF_BYTES))
        if media_type not in {"video/mp4", "video/quicktime"}:
            raise NotMedia(f"the result is not an MP4 video but {media_type or 'unknown bytes'}")
        facts = video_facts(file)
    return Result(
        digest=digest,
        media_type=media_type,
        bytes=size,
        duration_ms=facts.duration_ms,
        width=facts.width,
        height=facts.height,
    )


def _saved(connection: Connection, tools: Tools, job: Job, result: Result) -> Change | None:
    change = jobs.move(
        connection,
        job.id,
        Phase.DOWNLOADING,
        Event.SAVED,
        tools.clock.now(),
        of=job.attempt_id,
        result=result,
        progress=100,
        error=None,
    )
    if change is not None:
        holdings.hold(connection, result.digest, job.id)
        crash_point("saved-storing")
    return change


async def _not_kept(tools: Tools, job: Job, began: int, words: str) -> None:
    """The trouble is our own: it does not count, and the film is fetched as soon as it is over.

    Before the deadline the job stays where it is, for the link is as good as it was.
    """
    _log.warning("a result cannot be kept yet", job=job.id, words=words)
    if _is_late(job, tools.clock.now()):
        await tools.moved(
            lambda connection: _tell_people(
                connection, tools, job, words, job.failures, policy.SLOW_WATCH
            )
        )
        return

    def again(connection: Connection) -> None:
        due = tools.clock.now() + policy.own_trouble(tools.rng)
        due = due if job.deadline_at is None else min(due, job.deadline_at)
        agenda.look_again(connection, job.id, Phase.DOWNLOADING, began, due)

    await tools.persist(again)


def _not_saved(
    connection: Connection, tools: Tools, job: Job, words: str, *, hopeless: bool
) -> Change | None:
    """Look at the job again, which gives a fresh link.

    People are told past the deadline, or when a second link is as hopeless (too large, moved
    elsewhere); tries then grow rare, for each of them moves the whole file.
    """
    now = tools.clock.now()
    failures = job.failures + 1
    if _is_late(job, now) or (hopeless and failures > 1):
        return _tell_people(connection, tools, job, words, failures, policy.late_look(failures))
    return jobs.move(
        connection,
        job.id,
        Phase.DOWNLOADING,
        Event.LINK_FAILED,
        now,
        of=job.attempt_id,
        detail=words,
        failures=failures,
        due_at=now + policy.backoff(failures, tools.rng),
    )


def _is_late(job: Job, now: int) -> bool:
    return job.deadline_at is not None and now >= job.deadline_at


def _tell_people(
    connection: Connection, tools: Tools, job: Job, words: str, failures: int, pause: int
) -> Change | None:
    """The film is not here past its deadline: it is tried on, and people can see why."""
    now = tools.clock.now()
    return jobs.move(
        connection,
        job.id,
        Phase.DOWNLOADING,
        Event.DEADLINE_PASSED,
        now,
        of=job.attempt_id,
        detail=words,
        failures=failures,
        due_at=now + pause,
        error=JobError(code="result_not_saved", message=words),
    )
