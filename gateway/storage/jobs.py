"""Statements about jobs and their history.

`move()` is the only way a job changes phase: it names the phase it leaves, so of two
movers one finds nothing to move, and it writes the event in the same transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy import (
    Connection,
    Integer,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    update,
)

from gateway.model.clock import SECOND
from gateway.model.inputs import StoredInput
from gateway.model.job import Job, Moment
from gateway.model.phases import FINAL, IN_HAND, STATUS, Event, Phase, Status, step
from gateway.storage import deliveries, holdings, ledger, line, paging, waits
from gateway.storage.hot import Hot
from gateway.storage.paging import Page
from gateway.storage.rows import COLUMNS, job_of, stored
from gateway.storage.tables import events, jobs

_CREATED: Final = "created"
_LEASED: Final = (
    Phase.WAITING_FOR_INPUT,
    Phase.SUBMISSION_UNKNOWN,
    Phase.RENDERING,
    Phase.CANCELING,
    Phase.DOWNLOADING,
    Phase.NEEDS_ATTENTION,
)
"""In these phases a replica takes a job up for a while."""

WAKE_GAP: Final = 2 * SECOND
"""Between two looks at a job, however often its provider calls."""
TAKEN: Final = SECOND // 2
"""When a job comes up again that is due while somebody is at it."""


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
    row = {name: stored(name, getattr(job, name)) for name in Job.__struct_fields__}
    _INSERT.write(
        connection,
        providers=line.served(job.choices),
        fingerprint=fingerprint,
        retried=int(retried),
        **row,
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
    """Remove a job that has ended, and all that is known of it.

    The digests that nobody needs any more come back. Those that wait for it learn of it.
    """
    free = holdings.let_go(connection, job_id)
    waits.wake(connection, job_id, now)
    ledger.retire(connection, job_id, now)
    # Attempts, events, waits and notices go with it.
    connection.execute(delete(jobs).where(jobs.c.id == job_id))
    return free


def ended_before(connection: Connection, before: int, limit: int) -> list[str]:
    """The ids of jobs that ended before then, and that no other waits for; the oldest first."""
    return list(
        connection.execute(
            select(jobs.c.id)
            .where(jobs.c.completed_at < before, ~waits.awaited(jobs.c.id))
            .order_by(jobs.c.completed_at)
            .limit(limit)
        ).scalars()
    )


def woken_at(connection: Connection, job_id: str) -> int:
    """When a callback last asked for a look at a job; 0 for never."""
    found: int | None = connection.execute(
        select(jobs.c.woken_at).where(jobs.c.id == job_id)
    ).scalar_one_or_none()
    return found or 0


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
    fence = [] if of is None else [jobs.c.attempt_id == of]
    moved = connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.phase == leaving.value, *fence)
        .values(
            phase=entering.value,
            updated_at=now,
            replica=None,
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
            due_at=case(
                (
                    and_(jobs.c.woken_at > began, jobs.c.woken_at + WAKE_GAP < due_at),
                    jobs.c.woken_at + WAKE_GAP,
                ),
                else_=due_at,
            ),
            replica=None,
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
        select(jobs.c.phase, jobs.c.woken_at, jobs.c.taken_at, jobs.c.due_at).where(
            jobs.c.id == job_id
        )
    ).first()
    # Removed since the callback was looked up.
    if row is None:
        return False
    phase = Phase(row.phase)
    if phase not in phases:
        return False
    wish: dict[str, object] = {"woken_at": now}
    if not taken:
        soon = max(now, row.taken_at + WAKE_GAP)
        wish["due_at"] = soon if row.due_at is None else min(row.due_at, soon)
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
    replica: str,
    taken: Collection[str] = (),
    along: Mapping[str, int] | None = None,
) -> list[Job]:
    """Jobs of a phase that are due, most overdue first; they come up again at `until`.

    That makes `due_at` a lease: should the `replica` that took them die, they are due once
    more. Those that are `taken` already, by somebody alive, come up again in a moment: they
    may have moved on since they were taken, and then nobody looks at what they are now.
    Where some job of an account is due, those of the same account go `along` that are due by
    the time given for it.
    """
    due = list(map(job_of, _DUE.rows(connection, phase=phase.value, now=now, limit=limit)))
    with_them = {job.account for job in due}
    by = {account: time for account, time in (along or {}).items() if account in with_them}
    due += _due_by(connection, phase, now, by, limit - len(due))
    return _leased(connection, due, taken, now, until, replica)


def take_along(
    connection: Connection,
    phase: Phase,
    now: int,
    by: Mapping[str, int],
    *,
    until: int,
    limit: int,
    replica: str,
    taken: Collection[str] = (),
) -> list[Job]:
    """Jobs of accounts that are looked at anyway: those due `by` the time given for each."""
    found = _due_by(connection, phase, now, by, limit)
    return _leased(connection, found, taken, now, until, replica)


def _due_by(
    connection: Connection, phase: Phase, now: int, by: Mapping[str, int], limit: int
) -> list[Job]:
    found: list[Job] = []
    for account, time in by.items():
        if len(found) < limit:
            rows = _ALONG.rows(
                connection,
                phase=phase.value,
                account=account,
                now=now,
                by=time,
                limit=limit - len(found),
            )
            found += map(job_of, rows)
    return found


def _leased(
    connection: Connection,
    found: Sequence[Job],
    taken: Collection[str],
    now: int,
    until: int,
    replica: str,
) -> list[Job]:
    free = [job for job in found if job.id not in taken]
    for some, again in ((free, until), ([job for job in found if job.id in taken], now + TAKEN)):
        if some:
            connection.execute(
                update(jobs)
                .where(jobs.c.id.in_([job.id for job in some]))
                .values(due_at=again, taken_at=now, replica=replica)
            )
    return free


def in_phase(connection: Connection, phase: Phase) -> list[Job]:
    """Every job of a phase, whenever it is due."""
    rows = connection.execute(select(*COLUMNS).where(jobs.c.phase == phase.value))
    return [job_of(tuple(row)) for row in rows]


def next_due(connection: Connection, now: int, *waiting: Phase) -> int | None:
    """When the next job is due.

    Those that are due already and wait for something else, a slot or, in the phases
    `waiting`, room to be worked on, do not count: its coming wakes the engine.
    """
    awaited = {Phase.WAITING_FOR_SLOT, *waiting}
    # A phase at a time, so that each is one step into the index.
    times = (
        _NEXT_DUE.scalar(connection, phase=phase.value, after=now if phase in awaited else _EVER)
        for phase in set(Phase) - FINAL - IN_HAND
    )
    return min((time for time in times if time is not None), default=None)


def make_due(connection: Connection, phase: Phase, now: int) -> int:
    """Have every job of a phase looked at now; how many there are."""
    return connection.execute(
        update(jobs).where(jobs.c.phase == phase.value).values(due_at=now)
    ).rowcount


def release(connection: Connection, replicas: Collection[str], now: int) -> int:
    """Have everything looked at now that one of these replicas took up last.

    None of them is alive, so nobody is at it; one too many of such looks costs nothing.
    """
    return connection.execute(
        update(jobs)
        .where(
            jobs.c.phase.in_([phase.value for phase in _LEASED]),
            jobs.c.replica.in_(list(replicas)),
            jobs.c.due_at > now,
        )
        .values(due_at=now, replica=None)
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
    _NOTE.write(connection, job_id=job_id, at=now, event=event, phase=phase.value, detail=detail)


_EVER: Final = -(2**62)
"""Before any time there is."""
_GET: Final = Hot(select(*COLUMNS).where(jobs.c.id == bindparam("job_id")))
_INSERT: Final = Hot(insert(jobs), [*Job.__struct_fields__, "providers", "fingerprint", "retried"])
_NOTE: Final = Hot(insert(events).inline(), ["job_id", "at", "event", "phase", "detail"])
_HISTORY: Final = Hot(
    select(events.c.at, events.c.event, events.c.phase, events.c.detail)
    .where(events.c.job_id == bindparam("job_id"))
    .order_by(events.c.seq.desc())
    .limit(bindparam("limit", type_=Integer))
)
_OF_PHASE: Final = select(*COLUMNS).where(jobs.c.phase == bindparam("phase"))
_DUE: Final = Hot(
    _OF_PHASE.where(jobs.c.due_at <= bindparam("now"))
    .order_by(jobs.c.due_at)
    .limit(bindparam("limit", type_=Integer))
)
_ALONG: Final = Hot(
    _OF_PHASE.where(
        jobs.c.account == bindparam("account"),
        jobs.c.due_at > bindparam("now"),
        jobs.c.due_at <= bindparam("by"),
    )
    .order_by(jobs.c.due_at)
    .limit(bindparam("limit", type_=Integer))
)
_NEXT_DUE: Final = Hot(
    select(func.min(jobs.c.due_at)).where(
        jobs.c.phase == bindparam("phase"), jobs.c.due_at > bindparam("after")
    )
)
