"""Statements about jobs and their history.

`move()` is the only way a job changes phase: it names the phase it leaves, so of two
movers one finds nothing to move, and it writes the event in the same transaction.
"""

from collections.abc import Collection, Mapping
from functools import cache
from typing import Final

import msgspec
from sqlalchemy import (
    Connection,
    Integer,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from gateway.model.inputs import StoredInput
from gateway.model.job import Job, Moment
from gateway.model.phases import FINAL, IN_HAND, STATUS, Event, Phase, Status, step
from gateway.storage import deliveries, holdings, line, paging, remote_ids, tombstones, waits
from gateway.storage.hot import Hot
from gateway.storage.paging import Page
from gateway.storage.rows import COLUMNS, job_of, row_of, stored
from gateway.storage.tables import events, jobs

_CREATED: Final = "created"


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


def insert_job(
    connection: Connection, job: Job, *, fingerprint: str | None = None, retried: bool = False
) -> None:
    """Store a new job with its first event, what it holds and what it waits for.

    `fingerprint` is of the body it was asked for with, `retried` whether that said of itself
    that it was a second try.
    """
    _INSERT.write(
        connection,
        providers=line.served(job.choices),
        fingerprint=fingerprint,
        retried=int(retried),
        **row_of(job),
    )
    for given in job.request.given:
        if isinstance(given.value, StoredInput):
            holdings.hold(connection, given.value.digest, job.id)
    waits.add(connection, job.id, job.request.sources)
    note(connection, job.id, job.created_at, _CREATED, job.phase, "")


def created(job: Job) -> Moment:
    """The first entry of a new job's history."""
    return Moment(at=job.created_at, event=_CREATED, phase=job.phase)


def get(connection: Connection, job_id: str) -> Job | None:
    """The job, or None."""
    row = _GET.first(connection, job_id=job_id)
    return None if row is None else job_of(row)


def page(
    connection: Connection,
    owner: str | None,
    *,
    after: str | None = None,
    limit: int,
    ascending: bool = False,
    statuses: Collection[Status] = (),
    phases: Collection[Phase] = (),
) -> Page[Job]:
    """The jobs of an owner (None: of everybody) as they came, or the other way round.

    Only those behind `after` and, where some are named, of these `statuses` and `phases`.
    """
    query = select(*COLUMNS)
    if owner is not None:
        query = query.where(jobs.c.owner == owner)
    if statuses:
        meant = [phase.value for phase, status in STATUS.items() if status in statuses]
        query = query.where(jobs.c.phase.in_(meant))
    if phases:
        query = query.where(jobs.c.phase.in_([phase.value for phase in phases]))
    return paging.page(
        connection,
        query,
        jobs.c.id,
        lambda row: job_of(tuple(row.values())),
        after=after,
        limit=limit,
        ascending=ascending,
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
    """Remove a job that has ended, and all that is known of it but what it may have spent.

    The digests that nobody needs any more come back. Those that wait for it learn of it.
    """
    free = holdings.let_go(connection, job_id)
    waits.wake(connection, job_id, now)
    remote_ids.retire(connection, job_id, now)
    tombstones.bury(connection, job_id)
    # Attempts, events, waits and notices go with it.
    connection.execute(delete(jobs).where(jobs.c.id == job_id))
    return free


def ended_before(connection: Connection, before: int, limit: int) -> list[str]:
    """The ids of jobs that ended before then; the oldest first.

    None that another job waits for, or whose caller is still to be told of its end.
    """
    return list(
        connection.execute(
            select(jobs.c.id)
            .where(jobs.c.completed_at < before)
            .where(~waits.awaited(jobs.c.id), ~deliveries.pending(jobs.c.id))
            .order_by(jobs.c.completed_at)
            .limit(limit)
        ).scalars()
    )


def history(connection: Connection, job_id: str, limit: int = 200) -> list[Moment]:
    """What happened to a job, oldest first; of a very long history the newest `limit` entries."""
    rows = _HISTORY.rows(connection, job_id=job_id, limit=limit)
    return [
        Moment(at=at, event=event, phase=Phase(phase), detail=detail)
        for at, event, phase, detail in reversed(rows)
    ]


def move(
    connection: Connection,
    job_id: str,
    leaving: Phase,
    event: Event,
    now: int,
    *,
    of: str | None = None,
    detail: str = "",
    **values: object,
) -> Change | None:
    """Move a job by an event; None when it is no longer in the phase it should leave.

    Nor where its attempt is another one by now than `of`: whoever was held up while others
    took over finds nothing to move. `values` are columns to set along with the phase. The
    end of a job wakes those that wait for it, and puts the notice of it into the outbox.
    """
    entering = step(leaving, event)
    if entering in FINAL:
        values |= {"completed_at": now}
    # Where no time moves a job on, but the task that has it, or nothing, it is never due.
    values.setdefault("due_at", None if entering in FINAL | IN_HAND else now)
    moved = _moving(tuple(values), fenced=of is not None).first(
        connection,
        job_id=job_id,
        leaving=leaving.value,
        entering=entering.value,
        now=now,
        **({} if of is None else {"of": of}),
        **{f"new_{name}": stored(name, value) for name, value in values.items()},
    )
    if moved is None:
        return None
    attempt_id, account, request = moved
    note(connection, job_id, now, event.value, entering, detail)
    if entering in FINAL:
        waits.wake(connection, job_id, now)
        url = msgspec.json.decode(request, type=_Wish).callback_url
        if url is not None:
            deliveries.add(connection, job_id, url, now)
    return Change(
        job_id=job_id,
        left=leaving,
        entered=entering,
        event=event,
        detail=detail,
        attempt_id=attempt_id,
        account=account,
    )


@cache
def _moving(names: tuple[str, ...], *, fenced: bool) -> Hot:
    """A move that sets these columns along with the phase."""
    mine = (jobs.c.id == bindparam("job_id")) & (jobs.c.phase == bindparam("leaving"))
    if fenced:
        mine &= jobs.c.attempt_id == bindparam("of")
    return Hot(
        update(jobs)
        .where(mine)
        .values(
            phase=bindparam("entering"),
            updated_at=bindparam("now"),
            replica=None,
            **{name: bindparam(f"new_{name}") for name in names},
        )
        .returning(jobs.c.attempt_id, jobs.c.account, jobs.c.request)
    )


def note(
    connection: Connection, job_id: str, now: int, event: str, phase: Phase, detail: str
) -> None:
    """Add an entry to a job's history that moves nothing."""
    _NOTE.write(connection, job_id=job_id, at=now, event=event, phase=phase.value, detail=detail)


_GET: Final = Hot(select(*COLUMNS).where(jobs.c.id == bindparam("job_id")))
_INSERT: Final = Hot(insert(jobs), [*Job.__struct_fields__, "providers", "fingerprint", "retried"])
_NOTE: Final = Hot(insert(events).inline(), ["job_id", "at", "event", "phase", "detail"])
_HISTORY: Final = Hot(
    select(events.c.at, events.c.event, events.c.phase, events.c.detail)
    .where(events.c.job_id == bindparam("job_id"))
    .order_by(events.c.seq.desc())
    .limit(bindparam("limit", type_=Integer))
)
