"""Statements about the line: who waits for a slot, in which order, and for how long.

A *lane* is the set of providers that could serve a job, as the column `providers` holds it.
The line is kept by owner and lane, so that neither a long line for one provider nor one
owner's thousand jobs are in the way of reading the rest of it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    Select,
    bindparam,
    func,
    or_,
    select,
    update,
)

from gateway.model.clock import SECOND
from gateway.model.job import Choice, Job
from gateway.model.phases import Phase
from gateway.storage import depth
from gateway.storage.depth import RANK, Rank
from gateway.storage.hot import Hot
from gateway.storage.rows import COLUMNS, job_of
from gateway.storage.tables import jobs

FORGIVEN_AFTER: Final = 1800 * SECOND
_BEFORE_START: Final = (Phase.WAITING_FOR_INPUT, Phase.WAITING_FOR_SLOT)
_waits: Final = jobs.c.phase == Phase.WAITING_FOR_SLOT.value


class Queue(NamedTuple):
    """Some owner's part of the line, in one lane."""

    owner: str
    lane: str


def served(choices: Sequence[Choice]) -> str:
    """Who could serve a job with these choices, as its column `providers` holds it."""
    return f"|{'|'.join(sorted({choice.provider for choice in choices}))}|"


def serves(lane: str, providers: Iterable[str]) -> bool:
    """Whether one of these providers is in the lane."""
    return any(f"|{name}|" in lane for name in providers)


def queues(connection: Connection) -> list[Queue]:
    """Every owner and lane with somebody waiting."""
    return list(_queues(connection))


def first_in_line(
    connection: Connection, owner: str, lanes: Collection[str], now: int, limit: int = 1
) -> list[Job]:
    """The owner's jobs in these lanes that wait and may start, first to last.

    One that an account or a provider turned away lets those go first that were not tried as
    often: it may be the only one that is refused, and must not stop the others. None that
    should have started by now.
    """
    found: list[Job] = []
    for lane in lanes:
        rows = _FIRST.rows(connection, owner=owner, lane=lane, now=now, limit=limit)
        found += [job_of(row) for row in rows]
    return sorted(found, key=rank)[:limit]


def rank(job: Job) -> Rank:
    """What the owner's jobs are ordered by."""
    return (job.turned_away, job.priority, job.created_at, job.id)


def ahead(connection: Connection, owner: str, lanes: Collection[str], before: Rank) -> int:
    """How many of the owner's jobs in these lanes stand before this rank; see `depth`."""
    return sum(depth.ahead(connection, owner, lane, before) for lane in lanes)


def waiting(connection: Connection, owner: str, lanes: Collection[str], most: int) -> int:
    """How many of the owner's jobs wait in these lanes; counted up to `most`."""
    counts: Iterator[int] = (
        _WAITING.scalar(connection, owner=owner, lane=lane, most=most) for lane in lanes
    )
    return min(sum(counts), most)


def waits(connection: Connection, owner: str) -> bool:
    """Whether the owner has a job that waits."""
    return bool(_WAITS.rows(connection, owner=owner))


def forgive(connection: Connection, provider: str) -> None:
    """The provider takes jobs again: those it turned away have their old places back.

    Unless it was one alone: that may be what is wrong, and has to wait; see `forgive_old`.
    """
    lane = jobs.c.providers.contains(f"|{provider}|", autoescape=True)
    away = (_waits, jobs.c.turned_away > 0, lane)
    count = connection.execute(select(func.count()).select_from(jobs).where(*away)).scalar_one()
    if count > 1:
        connection.execute(update(jobs).where(*away).values(turned_away=0))


def forgive_old(connection: Connection, now: int) -> None:
    """Give those their old places back that were turned away long ago."""
    connection.execute(
        update(jobs)
        .where(_waits, jobs.c.turned_away > 0, jobs.c.updated_at <= now - FORGIVEN_AFTER)
        .values(turned_away=0)
    )


def unserved(connection: Connection, providers: Sequence[str]) -> int:
    """How many waiting jobs none of `providers` could serve."""
    stranded = [queue for queue in queues(connection) if not serves(queue.lane, providers)]
    return sum(waiting(connection, queue.owner, [queue.lane], _ALL) for queue in stranded)


def past_start(connection: Connection, now: int, limit: int) -> list[Job]:
    """Jobs that still wait although they should have started by now."""
    return [
        job_of(row)
        for statement in _PAST_START
        for row in statement.rows(connection, now=now, limit=limit)
    ]


def next_start_by(connection: Connection) -> int | None:
    """When the next waiting job has waited too long."""
    firsts = [statement.scalar(connection) for statement in _NEXT_START]
    return min((one for one in firsts if one is not None), default=None)


def _queues(connection: Connection) -> Iterator[Queue]:
    """Each step goes straight to the next queue in the index, however long this one is."""
    row = _NEXT_OWNER.first(connection, owner="")
    while row:
        queue = Queue(*row)
        yield queue
        # Not both in one comparison of pairs: SQLite would read all jobs of the same pair.
        row = _NEXT_LANE.first(connection, owner=queue.owner, lane=queue.lane)
        row = row or _NEXT_OWNER.first(connection, owner=queue.owner)


_ALL: Final = 2**31 - 1
_NEXT_OWNER: Final = Hot(
    select(jobs.c.owner, jobs.c.providers)
    .where(_waits, jobs.c.owner > bindparam("owner"))
    .order_by(jobs.c.owner, jobs.c.providers)
    .limit(1)
)
_NEXT_LANE: Final = Hot(
    select(jobs.c.owner, jobs.c.providers)
    .where(_waits, jobs.c.owner == bindparam("owner"), jobs.c.providers > bindparam("lane"))
    .order_by(jobs.c.providers)
    .limit(1)
)
_WAITS: Final = Hot(select(jobs.c.id).where(_waits, jobs.c.owner == bindparam("owner")).limit(1))


def _in_line(*columns: Any) -> "Select[Any]":
    return select(*columns).where(
        _waits, jobs.c.owner == bindparam("owner"), jobs.c.providers == bindparam("lane")
    )


_FIRST: Final = Hot(
    _in_line(*COLUMNS)
    # "+ 0" keeps the planner from the indexes on times, which would sort the whole line.
    .where(jobs.c.due_at + 0 <= bindparam("now", type_=BigInteger))
    .where(or_(jobs.c.start_by.is_(None), jobs.c.start_by + 0 > bindparam("now", type_=BigInteger)))
    .order_by(*RANK.clauses)
    .limit(bindparam("limit", type_=Integer))
)
_WAITING: Final = Hot(
    select(func.count()).select_from(
        _in_line(jobs.c.id).limit(bindparam("most", type_=Integer)).subquery()
    )
)
_PAST_START: Final = [
    Hot(
        select(*COLUMNS)
        .where(jobs.c.phase == phase.value, jobs.c.start_by <= bindparam("now"))
        .limit(bindparam("limit", type_=Integer))
    )
    for phase in _BEFORE_START
]
_NEXT_START: Final = [
    Hot(
        select(func.min(jobs.c.start_by)).where(
            jobs.c.phase == phase.value, jobs.c.start_by.is_not(None)
        )
    )
    for phase in _BEFORE_START
]
