"""Accepting a job: what was asked is checked, its inputs are kept, its row is durable."""

import asyncio
import shutil
from typing import Final, NamedTuple

import structlog

from gateway.engine.drop import drop, foresee
from gateway.engine.given import Known, look_up, unknown_file
from gateway.engine.line import no_slot, spare_slots
from gateway.engine.tools import Tools
from gateway.model.clock import SECOND
from gateway.model.errors import FieldFault, FilmgateError, InvalidError, UnavailableError
from gateway.model.ids import digest as digest_of
from gateway.model.ids import new_id
from gateway.model.inputs import InlineInput, Input, StoredInput
from gateway.model.job import Choice, Job
from gateway.model.phases import INITIAL, INITIAL_WITH_SOURCES
from gateway.model.request import CreateVideo
from gateway.observe.phases import phase_changed
from gateway.routing.order import likely_first
from gateway.routing.routes import Weighed, choices_of
from gateway.storage import Connection, StorageError, jobs
from gateway.storage.media import Pins

LEAST_FREE: Final = 64 * 1024**2
"""Bytes of disk below which no job is promised anything: those under way need them."""


class Judged(NamedTuple):
    """A request that can be served: what is known of it, every target, and the ways to do it."""

    known: Known
    weighed: tuple[Weighed, ...]
    choices: tuple[Choice, ...]


async def accept(tools: Tools, request: CreateVideo, owner: str) -> Job:
    """Take a job into the line; it is on disk when this returns.

    Raises:
        InvalidError: No target can serve it; nothing was stored.
        NoSlotError: It would not wait, and has to; nothing was stored.
        UnavailableError: It could not be stored; nothing was accepted.
    """
    known, _, choices = await judge(tools, request, owner)
    await check_room(tools)
    saved: list[str] = []
    try:
        job = await _take(tools, known, choices, owner, saved)
    except FilmgateError:
        # Of what came with it nothing is needed, unless somebody else needs it.
        await drop(tools, saved)
        raise
    phase_changed(job=job.id, before=None, after=job.phase.value, event="created")
    return job


async def _take(
    tools: Tools, known: Known, choices: tuple[Choice, ...], owner: str, saved: list[str]
) -> Job:
    """Store the job and what it is made from; the digests of the latter go into `saved`."""
    # Whoever removes the same file, or the only other job with the same picture, meanwhile,
    # leaves the bytes alone until this job's row holds them.
    with tools.pins() as pins:
        kept = await _keep(tools, pins, known, saved)
        now = tools.clock.now()
        deadline = kept.routing.deadline
        job = Job(
            id=new_id("video"),
            owner=owner,
            phase=INITIAL_WITH_SOURCES if kept.sources else INITIAL,
            request=kept,
            choices=choices,
            created_at=now,
            updated_at=now,
            due_at=now,
            start_by=None if deadline is None else now + deadline * SECOND,
        )
        await _store(tools, job)
    return job


async def judge(tools: Tools, request: CreateVideo, owner: str) -> Judged:
    """The request with its files looked up, and the ways to serve it. Stores nothing.

    Raises:
        InvalidError: With everything that is wrong with it.
    """
    known = await look_up(tools, request, owner)
    try:
        weighed = tools.routes.weigh(known.request)
        choices = choices_of(weighed)
    except InvalidError as error:
        if known.faults:
            faults = likely_first((*known.faults, *error.errors))
            raise InvalidError(error.detail, errors=faults) from None
        raise
    if known.faults:
        raise InvalidError("An input cannot be used.", errors=known.faults)
    return Judged(known, weighed, choices)


async def check_room(tools: Tools) -> None:
    """Promise nothing when there is hardly a place left to keep it.

    Raises:
        UnavailableError: The disk is nearly full, or cannot be reached.
    """
    try:
        free = (await asyncio.to_thread(shutil.disk_usage, tools.media.folder)).free
    except OSError as error:
        raise UnavailableError("The media folder cannot be reached.") from error
    if free < LEAST_FREE:
        raise UnavailableError(
            f"Only {free // 1024**2} MB of disk are left; {LEAST_FREE // 1024**2} MB are needed.",
            headers={"retry-after": "30"},
        )


async def _keep(tools: Tools, pins: Pins, known: Known, saved: list[str]) -> CreateVideo:
    """The request with its inline inputs in the store, and all it needs there pinned."""
    inline = [
        one.value.content for one in known.request.given if isinstance(one.value, InlineInput)
    ]
    if inline:
        digests = await asyncio.to_thread(lambda: [digest_of(content) for content in inline])
        saved += digests
        try:
            await foresee(tools, pins, digests)
        except StorageError as error:
            raise _not_stored() from error
    stored: dict[str, Input] = {}
    faults: list[FieldFault] = []
    for one in known.request.given:
        if isinstance(one.value, InlineInput):
            try:
                digest = await asyncio.to_thread(pins.save, one.value.content)
            except OSError as error:
                raise _not_stored() from error
            media_type = known.inline[one.pointer].media_type
            stored[one.pointer] = StoredInput(digest=digest, media_type=media_type)
        elif isinstance(one.value, StoredInput) and not await asyncio.to_thread(
            pins.hold, one.value.digest
        ):
            # Removed since it was looked up.
            faults.append(unknown_file(one.pointer))
    if faults:
        raise InvalidError("An input cannot be used.", errors=faults)
    return known.request.with_inputs(stored)


def _not_stored() -> UnavailableError:
    return UnavailableError(
        "An input could not be stored; nothing was accepted.", headers={"retry-after": "5"}
    )


async def _store(tools: Tools, job: Job) -> None:
    def insert(connection: Connection) -> None:
        if not job.request.routing.queue:
            now = tools.clock.now()
            refusal = no_slot(connection, job.choices, spare_slots(connection, now), now)
            if refusal is not None:
                raise refusal
        jobs.insert_job(connection, job)

    try:
        await tools.database.write(insert)
    except StorageError as error:
        structlog.get_logger().error("job not stored", error=str(error))
        raise UnavailableError(
            "The job could not be stored; nothing was accepted. Try again shortly.",
            headers={"retry-after": "5"},
        ) from error
