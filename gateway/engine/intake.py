"""Accepting a job: what was asked is checked, its inputs are kept, its row is durable."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple, TypeVar

import msgspec
import structlog

from gateway.engine.crash import crash_point
from gateway.engine.drop import drop, foresee
from gateway.engine.given import Known, look_up, unknown_file
from gateway.engine.line import join, no_slot, spare_slots
from gateway.engine.outlook import Outlook, outlook_of_new
from gateway.engine.tools import Tools
from gateway.model.clock import SECOND
from gateway.model.errors import (
    FieldFault,
    FilmgateError,
    InvalidError,
    KeyReusedError,
    UnavailableError,
)
from gateway.model.ids import digest as digest_of
from gateway.model.ids import new_id
from gateway.model.inputs import InlineInput, Input, StoredInput
from gateway.model.job import Choice, Job
from gateway.model.phases import INITIAL, INITIAL_WITH_SOURCES
from gateway.model.request import CreateVideo
from gateway.observe.phases import phase_changed
from gateway.routing.order import likely_first
from gateway.routing.routes import Arranged, Weighed, choices_of
from gateway.storage import Connection, StorageError, UncertainError, idempotency, jobs
from gateway.storage.media import Pins

T = TypeVar("T")

ABSORBED: Final = 60 * SECOND
"""How long a client's own repetition of a request is known for one."""
ASK_TIMES: Final = 5

LEAST_FREE: Final = 64 * 1024**2
"""Bytes of disk below which no job is promised anything: those under way need them."""


class Judged(NamedTuple):
    """A request that can be served: what is known of it, every target, and the ways to do it."""

    known: Known
    weighed: tuple[Weighed, ...]
    choices: tuple[Choice, ...]


class Once(msgspec.Struct, frozen=True, kw_only=True):
    """What tells a repetition of a request from a new one.

    `fingerprint` is of the body as it came; `key` is the caller's own word for it; `retried`
    says that the client called it a repetition of a request of the last `within`
    microseconds; `came_at` is when it began to arrive.
    """

    fingerprint: str
    key: str | None = None
    retried: bool = False
    within: int = ABSORBED
    came_at: int = 0


class Accepted(NamedTuple):
    """A job, and whether it was there already; of a new one, how it stands to its end."""

    job: Job
    replayed: bool = False
    outlook: Outlook | None = None


async def accept(
    tools: Tools, request: CreateVideo, owner: str, once: Once | None = None
) -> Accepted:
    """Take a job into the line; it is on disk when this returns.

    A repetition, by `once`, answers the first job as it stands, and leads to no other.

    Raises:
        InvalidError: No target can serve it; nothing was stored.
        NoSlotError: It would not wait, and has to; nothing was stored.
        KeyReusedError: Its key was used for another request.
        UnavailableError: It could not be stored; nothing was accepted.
    """
    # Anything else that is a repetition is met where it would be stored.
    if once is not None and (once.key is not None or once.retried):
        earlier = await _read(tools, lambda connection: find_earlier(connection, owner, once))
        if earlier is not None:
            return Accepted(earlier, replayed=True)
    known, _, choices = await judge(tools, request, owner)
    await check_room(tools)
    saved: list[str] = []
    try:
        arranged = tools.routes.arrange(known.request, choices, tools.rng)
        accepted = await _take(tools, known, arranged, owner, saved, once)
    except FilmgateError:
        # Of what came with it nothing is needed, unless somebody else needs it.
        await drop(tools, saved)
        raise
    crash_point("accept-stored")
    job = accepted.job
    if accepted.replayed:
        await drop(tools, saved)
    else:
        phase_changed(job=job.id, before=None, after=job.phase.value, event="created")
    return accepted


def find_earlier(connection: Connection, owner: str, once: Once) -> Job | None:
    """The job that this request is a repetition of, None where it is a new one.

    A client that was not answered in time asks again, with the same key or, where it is
    OpenAI's, saying so. Both requests may be under way at once, in either order.

    Raises:
        KeyReusedError: Its key was used for another request.
    """
    if once.key is not None:
        earlier = idempotency.by_key(connection, owner, once.key)
        if earlier is None:
            return None
        if earlier.fingerprint != once.fingerprint:
            raise KeyReusedError(
                "This Idempotency-Key came with another request before. "
                "Send a new key with a new request."
            )
        return jobs.get(connection, earlier.job_id)
    if once.retried:
        found = idempotency.by_body(connection, owner, once.fingerprint, once.came_at - once.within)
    else:
        found = idempotency.by_body(connection, owner, once.fingerprint, once.came_at, retried=True)
    return None if found is None else jobs.get(connection, found)


async def _take(
    tools: Tools,
    known: Known,
    arranged: Arranged,
    owner: str,
    saved: list[str],
    once: Once | None,
) -> Accepted:
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
            choices=arranged.choices,
            created_at=now,
            updated_at=now,
            due_at=now,
            start_by=None if deadline is None else now + deadline * SECOND,
            priority=kept.routing.priority.rank,
            strategy=arranged.strategy,
        )
        return await _store(tools, job, once)


async def judge(tools: Tools, request: CreateVideo, owner: str) -> Judged:
    """The request with its files looked up, and the ways to serve it. Stores nothing.

    Raises:
        InvalidError: With everything that is wrong with it.
    """
    known = await look_up(tools, request, owner)
    try:
        weighed = tools.weighings.weigh(tools.routes, known.request)
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
        free = await tools.room.free(tools.media.folder)
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


async def _store(tools: Tools, job: Job, once: Once | None) -> Accepted:
    def insert(connection: Connection) -> Accepted:
        if once is not None:
            earlier = find_earlier(connection, job.owner, once)
            if earlier is not None:
                return Accepted(earlier, replayed=True)
        if not job.request.routing.queue:
            now = tools.clock.now()
            spare = spare_slots(connection, now)
            refusal = no_slot(connection, job.choices, job.strategy, spare, now)
            if refusal is not None:
                raise refusal
        if job.phase is INITIAL:
            join(connection, job.owner)
        jobs.insert_job(
            connection,
            job,
            fingerprint=once.fingerprint if once else None,
            retried=once.retried if once else False,
        )
        if once is not None and once.key is not None:
            idempotency.bind(connection, job.owner, once.key, once.fingerprint, job.id)
        crash_point("accept-storing")
        return Accepted(job, outlook=outlook_of_new(connection, job, job.created_at))

    try:
        return await tools.database.write(insert)
    except UncertainError as error:
        return await _uncertain(tools, job, error)
    except StorageError as error:
        structlog.get_logger().error("job not stored", error=str(error))
        raise UnavailableError(
            "The job could not be stored; nothing was accepted. Try again shortly.",
            headers={"retry-after": "5"},
        ) from error


async def _uncertain(tools: Tools, job: Job, error: UncertainError) -> Accepted:
    """The commit's answer was lost: see whether the job is there."""
    for _ in range(ASK_TIMES):
        await tools.sleep(1.0)
        with suppress(StorageError):
            # A write comes after the lost one, should that still be on its way; a read may not.
            found = await tools.database.write(lambda connection: jobs.get(connection, job.id))
            if found is not None:
                return Accepted(found)
            break
    else:
        structlog.get_logger().error("nobody knows whether a job was stored", job=job.id)
        raise UnavailableError(
            f"Nobody knows yet whether the job was stored. Look for {job.id} before asking again.",
            # Asked again without a key it might be made, and paid for, a second time.
            headers={"retry-after": "30", "x-should-retry": "false"},
        ) from error
    raise UnavailableError(
        "The job could not be stored; nothing was accepted. Try again shortly.",
        headers={"retry-after": "5"},
    ) from error


async def _read(tools: Tools, run: Callable[[Connection], T]) -> T:
    try:
        return await tools.database.read(run)
    except StorageError as error:
        raise UnavailableError(
            "The database does not answer; nothing was accepted.", headers={"retry-after": "5"}
        ) from error
