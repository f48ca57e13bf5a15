"""Statements about jobs and their history.

`move()` is the only way a job changes phase: it names the phase it leaves, so of two
movers one finds nothing to move, and it writes the event in the same transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, case, delete, func, insert, select, update

from gateway.model.clock import SECOND
from gateway.model.inputs import StoredInput
from gateway.model.job import Job, Moment
from gateway.model.phases import FINAL, IN_HAND, STATUS, Event, Phase, Status, step
from gateway.storage import deliveries, holdings, line, paging, waits
from gateway.storage.paging import Page
from gateway.storage.rows import job_of, stored
from gateway.storage.tables import events, jobs

WAKE_GAP: Final = 2 * SECOND
"""Between two looks at a job, however often its provider calls."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A move that was made, for the log line written after the commit."""

    job_id: str
    left: Phase
    entered: Phase
    event: Event
    detail: str
    attempt_id: str | None
    account: str | None


class _Wish(msgspec.Struct):
    """Of a request, whom to tell of its end."""

    callback_url: str | None = None


def insert_job(connection: Connection, job: Job) -> None:
    """Store a new job with its first event, what it holds and what it waits for."""
    row = {name: stored(name, getattr(job, name)) for name in Job.__struct_fields__}
    connection.execute(insert(jobs).values(providers=line.served(job.choices), **row))
    for given in job.request.given:
        if isinstance(given.value, StoredInput):
            holdings.hold(connection, given.value.digest, job.id)
    waits.add(connection, job.id, job.request.sources)
    note(connection, job.id, job.created_at, "created", job.phase, "")


def get(connection: Connection, job_id: str) -> Job | None:
    """The job, or None."""
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().first()
    return None if row is None else job_of(row)


def page(
    connection: Connection,
    owner: str,
    *,
    after: str | None = None,
    limit: int,
    ascending: bool = False,
    statuses: Collection[Status] = (),
) -> Page[Job]:
    """The owner's jobs in the order they came, or the other way round.

    Only those behind `after` and, where some are named, of these `statuses`.
    """
    query = select(jobs).where(jobs.c.owner == owner)
    if statuses:
        phases = [phase.value for phase, status in STATUS.items() if status in statuses]
        query = query.where(jobs.c.phase.in_(phases))
    return paging.page(
        connection, query, jobs.c.id, job_of, after=after, limit=limit, ascending=ascending
    )


def keep_input(
    connection: Connection, job_id: str, files: Mapping[str, StoredInput]
) -> dict[str, StoredInput]:
    """Note the files that were made or fetched for a job's inputs, by pointer; all there are.

    The job needs them from now on. One that is gone keeps nothing.
    """
    job = get(connection, job_id)
    if job is None:
        return dict(files)
    kept = {**job.kept, **files}
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(kept=stored("kept", kept)))
    for one in files.values():
        holdings.hold(connection, one.digest, job_id)
    return kept


def remove(connection: Connection, job_id: str, now: int) -> list[str]:
    """Remove a job that has ended, and all that is known of it.

    The digests that nobody needs any more come back. Those that wait for it learn of it.
    """
    free = holdings.let_go(connection, job_id)
    waits.wake(connection, job_id, now)
    # Attempts, events, waits and notices go with it.
    connection.execute(delete(jobs).where(jobs.c.id == job_id))
    return free


def history(connection: Connection, job_id: str, limit: int = 200) -> list[Moment]:
    """What happened to a job, oldest first; of a very long history the newest `limit` entries."""
    rows = connection.execute(
        select(events.c.at, events.c.event, events.c.phase, events.c.detail)
        .where(events.c.job_id == job_id)
        .order_by(events.c.seq.desc())
        .limit(limit)
    ).all()
    return [
        Moment(at=row.at, event=row.event, phase=Phase(row.phase), detail=row.detail)
        for row in reversed(rows)
    ]


def move(
    connection: Connection,
    job_id: str,
    leaving: Phase,
    event: Event,
    now: int,
    *,
    detail: str = "",
    **values: object,
) -> Change | None:
    """Move a job by an event; None when it is no longer in the phase it should leave.

    `values` are columns to set along with the phase. The end of a job wakes those that wait
    for it, and puts the notice of it into the outbox.
    """
    entering = step(leaving, event)
    if entering in FINAL:
        values |= {"completed_at": now}
    # Where no time moves a job on, but the task that has it, or nothing, it is never due.
    values.setdefault("due_at", None if entering in FINAL | IN_HAND else now)
    moved = connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.phase == leaving.value)
        .values(
            phase=entering.value,
            updated_at=now,
            **{name: stored(name, value) for name, value in values.items()},
        )
        .returning(jobs.c.attempt_id, jobs.c.account, jobs.c.request)
    ).first()
    if moved is None:
        return None
    note(connection, job_id, now, event.value, entering, detail)
    if entering in FINAL:
        waits.wake(connection, job_id, now)
        url = msgspec.json.decode(moved.request, type=_Wish).callback_url
        if url is not None:
            deliveries.add(connection, job_id, url, now)
    return Change(
        job_id=job_id,
        left=leaving,
        entered=entering,
        event=event,
        detail=detail,
        attempt_id=moved.attempt_id,
        account=moved.account,
    )


def look_again(
    connection: Connection, job_id: str, phase: Phase, began: int, due_at: int, **values: object
) -> None:
    """Set the next look, unless a callback asked for one since the last look `began`."""
    connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.phase == phase.value)
        .values(
            due_at=case((jobs.c.woken_at > began, jobs.c.woken_at + WAKE_GAP), else_=due_at),
            **{name: stored(name, value) for name, value in values.items()},
        )
    )


def wake(
    connection: Connection, job_id: str, phases: Sequence[Phase], now: int, *, taken: bool = False
) -> bool:
    """A callback came: have the job looked at; False where there is nothing to look at.

    The first one is noted in the history; providers that report progress send many. While
    the job is `taken`, that is, looked at already, the wish is kept for when that ends.
    """
    row = connection.execute(
        select(jobs.c.phase, jobs.c.woken_at, jobs.c.taken_at).where(jobs.c.id == job_id)
    ).first()
    # Removed since the callback was looked up.
    if row is None:
        return False
    phase = Phase(row.phase)
    if phase not in phases:
        return False
    wish: dict[str, object] = {"woken_at": now}
    if not taken:
        wish["due_at"] = max(now, row.taken_at + WAKE_GAP)
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(**wish))
    if row.woken_at == 0:
        note(connection, job_id, now, "called_back", phase, "the provider called")
    return True


def take_due(
    connection: Connection,
    phase: Phase,
    now: int,
    *,
    until: int,
    limit: int,
    taken: Collection[str] = (),
) -> list[Job]:
    """Jobs of a phase that are due, most overdue first; they come up again at `until`.

    That makes `due_at` a lease: should whoever took them die, they are due once more. Those
    that are `taken` already, by somebody alive, only have their lease renewed.
    """
    rows = (
        connection.execute(
            select(jobs)
            .where(jobs.c.phase == phase.value, jobs.c.due_at <= now)
            .order_by(jobs.c.due_at)
            .limit(limit)
        )
        .mappings()
        .all()
    )
    if rows:
        connection.execute(
            update(jobs)
            .where(jobs.c.id.in_([row["id"] for row in rows]))
            .values(due_at=until, taken_at=now)
        )
    return [job_of(row) for row in rows if row["id"] not in taken]


def in_phase(connection: Connection, phase: Phase) -> list[Job]:
    """Every job of a phase, whenever it is due."""
    rows = connection.execute(select(jobs).where(jobs.c.phase == phase.value)).mappings()
    return [job_of(row) for row in rows]


def next_due(connection: Connection, now: int, *waiting: Phase) -> int | None:
    """When the next job is due.

    Those that are due already and wait for something else, a slot or, in the phases
    `waiting`, room to be worked on, do not count: its coming wakes the engine.
    """
    times: list[int] = []
    # A phase at a time, so that each is one step into the index.
    for phase in set(Phase) - FINAL - IN_HAND:
        first = select(func.min(jobs.c.due_at)).where(
            jobs.c.phase == phase.value, jobs.c.due_at.is_not(None)
        )
        if phase in {Phase.WAITING_FOR_SLOT, *waiting}:
            first = first.where(jobs.c.due_at > now)
        found: int | None = connection.execute(first).scalar_one()
        if found is not None:
            times.append(found)
    return min(times, default=None)


def make_due(connection: Connection, phase: Phase, now: int) -> int:
    """Have every job of a phase looked at now; how many there are."""
    return connection.execute(
        update(jobs).where(jobs.c.phase == phase.value).values(due_at=now)
    ).rowcount


def rebase(connection: Connection, now: int) -> None:
    """Make no waiting job wait for a time that only a clock that was wrong has named."""
    connection.execute(
        update(jobs)
        .where(jobs.c.phase == Phase.WAITING_FOR_SLOT.value, jobs.c.due_at > now)
        .values(due_at=now)
    )


def note(
    connection: Connection, job_id: str, now: int, event: str, phase: Phase, detail: str
) -> None:
    """Add an entry to a job's history that moves nothing."""
    connection.execute(
        insert(events).values(job_id=job_id, at=now, event=event, phase=phase.value, detail=detail)
    )
