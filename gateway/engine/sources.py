"""Jobs that are made from other videos: they wait for these, then take from them what they need.

Nothing is paid here and no slot is taken, so all of it may be done again after a crash.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

import structlog

from gateway.engine import policy
from gateway.engine.drop import drop, foresee
from gateway.engine.given import source_words
from gateway.engine.kinds import MAX_FILM_BYTES, facts_of
from gateway.engine.line import join
from gateway.engine.stills import still
from gateway.engine.tools import Tools
from gateway.frames import NoStill
from gateway.model.ids import digest as digest_of
from gateway.model.inputs import FrameInput, Given, StoredInput
from gateway.model.job import Job, JobError, Result
from gateway.model.media import NotMedia
from gateway.model.phases import Event, Phase
from gateway.storage import Connection, StorageError, agenda, jobs, waits
from gateway.storage.jobs import Change
from gateway.storage.media import Pins
from gateway.storage.waits import Source

GRASP: Final = 50
TRIES: Final = 4
"""How often a still that cannot be cut is tried before the job fails."""
LEASE: Final = policy.LEASE * 3
SLOW_LOOK: Final = policy.SLOW_WATCH
"""The end of a source wakes those that wait for it; this is for the time it did not."""

_log = structlog.get_logger()


class Ready(NamedTuple):
    """A job whose sources are all finished, and what came of these."""

    job: Job
    results: Mapping[str, Result]


class UnusableError(Exception):
    """A source cannot be used, and will not be."""


def take_ready(
    connection: Connection, replica: str, now: int, taken: Collection[str]
) -> tuple[list[Ready], list[Change]]:
    """Of the jobs that are due: those that can go on, and the end of those that never can."""
    ready: list[Ready] = []
    changes: list[Change] = []
    due = agenda.take_due(
        connection,
        Phase.WAITING_FOR_INPUT,
        now,
        until=now + LEASE,
        limit=GRASP,
        replica=replica,
        taken=taken,
    )
    for job in due:
        sources = waits.sources(connection, job.request.sources)
        lost = next((one for one in job.request.sources if _is_lost(sources.get(one))), None)
        results = {name: one.result for name, one in sources.items() if one.result is not None}
        if lost is not None:
            change = _source_failed(connection, job, source_words(lost, sources.get(lost)), now)
            changes += [] if change is None else [change]
        elif results.keys() >= set(job.request.sources):
            ready.append(Ready(job, results))
        else:
            agenda.look_again(connection, job.id, job.phase, now, now + SLOW_LOOK)
    return ready, changes


def _is_lost(source: Source | None) -> bool:
    return source is None or source.phase is Phase.FAILED


def _source_failed(connection: Connection, job: Job, words: str, now: int) -> Change | None:
    return jobs.move(
        connection,
        job.id,
        Phase.WAITING_FOR_INPUT,
        Event.SOURCE_FAILED,
        now,
        detail=words,
        error=JobError(code="source_failed", message=words),
    )


async def bring_in(tools: Tools, ready: Ready) -> None:
    """Take from the sources what the job needs, keep it, and put the job into the line."""
    saved: list[str] = []
    if not await _bring_in(tools, ready, saved):
        # Tried again, ended or expired: the next try saves them once more.
        await drop(tools, saved)


async def _bring_in(tools: Tools, ready: Ready, saved: list[str]) -> bool:
    """Whether the job got into the line; the digests of what was saved go into `saved`."""
    job, began = ready.job, tools.clock.now()
    # Pinned until the row says that the job needs them: a source may be removed meanwhile.
    with tools.pins() as pins:
        try:
            kept = {
                one.pointer: await _taken(tools, pins, one, ready.results[one.source], saved)
                for one in job.request.given
                if one.source is not None
            }
        except (NoStill, UnusableError) as error:
            await _not_taken(
                tools, job, began, str(error), hopeless=isinstance(error, UnusableError)
            )
        except (StorageError, OSError) as error:
            words = f"the gateway's own storage failed: {error}"
            await _not_taken(tools, job, began, words, ours=True)
        except Exception as error:  # noqa: BLE001 - the job must not stay here for ever
            _log.exception("taking from a source failed", job=job.id)
            await _not_taken(tools, job, began, f"internal error: {type(error).__name__}")
        else:
            return await tools.moved(lambda connection: _ready(connection, tools, job, kept))
    return False


async def _taken(
    tools: Tools, pins: Pins, given: Given, result: Result, saved: list[str]
) -> StoredInput:
    if not await asyncio.to_thread(pins.hold, result.digest):
        raise NoStill(f"{given.source}: its film is not there")
    if not isinstance(given.value, FrameInput):
        if result.bytes > MAX_FILM_BYTES:
            raise UnusableError(
                f"{given.source} has {result.bytes} bytes; at most {MAX_FILM_BYTES} are taken"
            )
        return StoredInput(digest=result.digest, media_type=result.media_type)
    try:
        path = await still(tools, result.digest, given.value.frame)
        content = await asyncio.to_thread(path.read_bytes)
        facts = await asyncio.to_thread(facts_of, content)
    except NoStill as error:
        raise NoStill(
            f"no {given.value.frame} frame can be taken from {given.source}: {error}"
        ) from error
    except NotMedia as error:
        raise UnusableError(f"the {given.value.frame} frame of {given.source} {error}") from error
    digest = await asyncio.to_thread(digest_of, content)
    saved.append(digest)
    await foresee(tools, pins, [digest])
    await asyncio.to_thread(pins.save, content)
    return StoredInput(digest=digest, media_type=facts.media_type)


def _ready(
    connection: Connection, tools: Tools, job: Job, kept: dict[str, StoredInput]
) -> Change | None:
    join(connection, job.owner)
    change = jobs.move(
        connection,
        job.id,
        Phase.WAITING_FOR_INPUT,
        Event.SOURCES_READY,
        tools.clock.now(),
        failures=0,
        error=None,
    )
    if change is not None:
        jobs.keep_input(connection, job.id, kept)
    return change


async def _not_taken(
    tools: Tools,
    job: Job,
    began: int,
    words: str,
    *,
    hopeless: bool = False,
    ours: bool = False,
) -> None:
    """Try again in a while; for ever only where the trouble is `ours`, which is not counted."""
    failures = job.failures if ours else job.failures + 1
    now = tools.clock.now()
    if hopeless or (not ours and failures >= TRIES):
        await tools.moved(lambda connection: _source_failed(connection, job, words, now))
        return
    _log.warning("a source cannot be used yet", job=job.id, words=words)
    due = now + policy.backoff(max(failures, 1), tools.rng)
    await tools.persist(
        lambda connection: agenda.look_again(
            connection, job.id, Phase.WAITING_FOR_INPUT, began, due, failures=failures
        )
    )
