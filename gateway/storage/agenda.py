"""Statements about when jobs are due, and who took them up: `due_at` is a lease.

A job that is taken up comes up again when its lease is over, should whoever took it die; a
look that ends sets when the next one is due, and a callback has it looked at at once.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)

from gateway.model.clock import SECOND
from gateway.model.job import Job
from gateway.model.phases import FINAL, IN_HAND, Phase
from gateway.storage.heads import heads
from gateway.storage.hot import Hot
from gateway.storage.jobs import note
from gateway.storage.rows import COLUMNS, job_of, stored
from gateway.storage.tables import jobs

LEASED: Final = (
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


def rendered(connection: Connection, now: int) -> list[str]:
    """The accounts with a result that is due to be fetched, by their most overdue one."""
    return [
        name for _, name in sorted((at, name) for name, at in _HEADS.rows(connection) if at <= now)
    ]


def take_rendered(
    connection: Connection, account: str, now: int, *, until: int, limit: int, replica: str
) -> list[Job]:
    """Of one account, the jobs whose result is due to be fetched; as with `take_due`."""
    found = list(map(job_of, _RENDERED.rows(connection, account=account, now=now, limit=limit)))
    return _leased(connection, found, (), now, until, replica)


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


def look_again(
    connection: Connection, job_id: str, phase: Phase, began: int, due_at: int, **values: object
) -> None:
    """Set the next look, unless a callback asked for one since the last look `began`."""
    _looked(tuple(values)).write(
        connection,
        job_id=job_id,
        of_phase=phase.value,
        began=began,
        by=due_at,
        **{f"new_{name}": stored(name, value) for name, value in values.items()},
    )


@cache
def _looked(names: tuple[str, ...]) -> Hot:
    """The end of a look that sets these columns along with the next one."""
    called = jobs.c.woken_at + WAKE_GAP
    by = bindparam("by", type_=BigInteger)
    return Hot(
        update(jobs)
        .where(jobs.c.id == bindparam("job_id"), jobs.c.phase == bindparam("of_phase"))
        .values(
            due_at=case(
                (and_(jobs.c.woken_at > bindparam("began"), called < by), called), else_=by
            ),
            replica=None,
            **{name: bindparam(f"new_{name}") for name in names},
        )
    )


def wake(
    connection: Connection, job_id: str, phases: Sequence[Phase], now: int, *, taken: bool = False
) -> bool:
    """A callback came: have the job looked at; False where there is nothing to look at.

    The first one is noted in the history; providers that report progress send many. While
    the job is `taken`, that is, looked at already, the wish is kept for when that ends.
    """
    row = _WOKEN.first(connection, job_id=job_id)
    # Removed since the callback was looked up.
    if row is None:
        return False
    phase, before, taken_at, due_at = Phase(row[0]), *row[1:]
    if phase not in phases:
        return False
    if not taken:
        soon = max(now, taken_at + WAKE_GAP)
        due_at = soon if due_at is None else min(due_at, soon)
    _WAKE.write(connection, job_id=job_id, at=now, due=due_at)
    if before == 0:
        note(connection, job_id, now, "called_back", phase, "the provider called")
    return True


def woken_at(connection: Connection, job_id: str) -> int:
    """When a callback last asked for a look at a job; 0 for never."""
    row = _WOKEN.first(connection, job_id=job_id)
    return row[1] if row else 0


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
    return _MAKE_DUE.write(connection, of_phase=phase.value, now=now)


def release(connection: Connection, replicas: Collection[str], now: int) -> int:
    """Have everything looked at now that one of these replicas took up last.

    None of them is alive, so nobody is at it; one too many of such looks costs nothing.
    """
    return connection.execute(
        update(jobs)
        .where(
            jobs.c.phase.in_([phase.value for phase in LEASED]),
            jobs.c.replica.in_(list(replicas)),
            jobs.c.due_at > now,
        )
        .values(due_at=now, replica=None)
    ).rowcount


def rebase(
    connection: Connection, phase: Phase, latest: int, *, failures: int | None = None
) -> None:
    """Have no job of a phase wait beyond `latest`; only those of so many `failures`, if given."""
    told = {} if failures is None else {"of_failures": failures}
    late = _LATE if failures is None else _LATE_AND_FAILED
    late.write(connection, of_phase=phase.value, latest=latest, **told)


def rebase_deadlines(connection: Connection, now: int, latest: int) -> None:
    """Have no job overdue later than `latest`, nor seen to get on later than `now`."""
    _OVERDUE_LATE.write(connection, latest=latest)
    _PROGRESSED_LATE.write(connection, latest=now)


def rebase_beginnings(connection: Connection, now: int) -> None:
    """Have no job accepted, or moved on, later than `now`: all who came since would go first.

    One that should start in time has as long from there as it was given, and one in line is put
    off for as long as it was.
    """
    _PUT_OFF_LATE.write(connection, latest=now)
    _ACCEPTED_LATE.write(connection, latest=now)
    _MOVED_LATE.write(connection, latest=now)


_WOKEN: Final = Hot(
    select(jobs.c.phase, jobs.c.woken_at, jobs.c.taken_at, jobs.c.due_at).where(
        jobs.c.id == bindparam("job_id")
    )
)
_WAKE: Final = Hot(
    update(jobs)
    .where(jobs.c.id == bindparam("job_id"))
    .values(woken_at=bindparam("at"), due_at=bindparam("due"))
)
_EVER: Final = -(2**62)
"""Before any time there is."""
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
_downloading: Final = jobs.c.phase == Phase.DOWNLOADING.value
_HEADS: Final = Hot(
    heads(
        jobs.c.account,
        jobs.c.due_at,
        and_(_downloading, jobs.c.account.is_not(None), jobs.c.due_at.is_not(None)),
    )
)
_RENDERED: Final = Hot(
    select(*COLUMNS)
    .where(
        _downloading,
        jobs.c.account == bindparam("account"),
        jobs.c.due_at <= bindparam("now"),
    )
    .order_by(jobs.c.due_at)
    .limit(bindparam("limit", type_=Integer))
)
_NEXT_DUE: Final = Hot(
    select(func.min(jobs.c.due_at)).where(
        jobs.c.phase == bindparam("phase"), jobs.c.due_at > bindparam("after")
    )
)


_latest: Final = bindparam("latest", type_=BigInteger)


def _no_later(column: Column[Any], *conditions: ColumnElement[bool], **values: object) -> Hot:
    late = update(jobs).where(*conditions, column > _latest)
    return Hot(late.values({column.name: _latest, **values}))


_of_phase: Final = jobs.c.phase == bindparam("of_phase")
_MAKE_DUE: Final = Hot(update(jobs).where(_of_phase).values(due_at=bindparam("now")))
_LATE: Final = _no_later(jobs.c.due_at, _of_phase)
_LATE_AND_FAILED: Final = _no_later(
    jobs.c.due_at, _of_phase, jobs.c.failures == bindparam("of_failures")
)
_live: Final = or_(*(jobs.c.phase == phase.value for phase in Phase if phase not in FINAL))
_OVERDUE_LATE: Final = _no_later(jobs.c.deadline_at, _live)
_PROGRESSED_LATE: Final = _no_later(jobs.c.progressed_at, _live)
_PUT_OFF_LATE: Final = _no_later(
    jobs.c.due_at,
    jobs.c.phase == Phase.WAITING_FOR_SLOT.value,
    jobs.c.updated_at > _latest,
    due_at=jobs.c.due_at - jobs.c.updated_at + _latest,
)
# Wherever they are: what was proved not made comes back into the line.
_ACCEPTED_LATE: Final = _no_later(
    jobs.c.created_at, _live, start_by=jobs.c.start_by - jobs.c.created_at + _latest
)
_MOVED_LATE: Final = _no_later(jobs.c.updated_at, _live)
