"""How many of an owner's jobs wait before a given one, also where a hundred thousand do.

A short way is counted. For a long one the line is measured once in a while: every `STEP`th job
of it is a *mark*, and what is counted is the way from the mark before. Marks are a moment old,
so what left the line since is still counted.
"""

import time
from bisect import bisect_left
from collections.abc import MutableMapping
from typing import Any, Final, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Integer,
    Select,
    Text,
    Tuple,
    bindparam,
    func,
    select,
    tuple_,
)

from gateway.model.phases import Phase
from gateway.storage.hot import Hot
from gateway.storage.tables import jobs

Rank: TypeAlias = tuple[int, int, int, str]

STEP: Final = 500
"""Jobs from one mark to the next, and how far a way is counted without any."""
BEHIND: Final = 10 * STEP
"""How far a way is counted from a mark: so many may have joined since the last one was set."""
FRESH: Final = 2.0
"""Seconds that marks are used at least."""
SHARE: Final = 50
"""How much longer than it took to set them marks are used."""

RANK: Final = tuple_(jobs.c.turned_away, jobs.c.priority, jobs.c.created_at, jobs.c.id)
"""The order of one owner's jobs."""
_LOWEST: Final[Rank] = (-1, -1, -1, "")


class _Marks(NamedTuple):
    ranks: list[Rank]
    until: float


_known: Final[MutableMapping[Engine, dict[tuple[str, str], _Marks]]] = WeakKeyDictionary()


def ahead(connection: Connection, owner: str, lane: str, before: Rank) -> int:
    """How many of the owner's jobs in this lane stand before this rank."""
    known = _known.setdefault(connection.engine, {})
    marks = known.get((owner, lane))
    if marks is None or marks.until < time.monotonic():
        near = _count(connection, owner, lane, _LOWEST, before, STEP)
        if near < STEP:
            return near
        marks = known[owner, lane] = _measured(connection, owner, lane)
    passed = bisect_left(marks.ranks, before)
    last = marks.ranks[passed - 1] if passed else _LOWEST
    return passed * STEP + _count(connection, owner, lane, last, before, BEHIND)


def _measured(connection: Connection, owner: str, lane: str) -> _Marks:
    began = time.monotonic()
    ranks: list[Rank] = []
    last = _LOWEST
    while row := _MARK.first(connection, owner=owner, lane=lane, **_named("after", last)):
        last = (row[0], row[1], row[2], row[3])
        ranks.append(last)
    ended = time.monotonic()
    return _Marks(ranks, ended + max(FRESH, SHARE * (ended - began)))


def _count(
    connection: Connection, owner: str, lane: str, after: Rank, before: Rank, most: int
) -> int:
    found: int = _COUNT.scalar(
        connection,
        owner=owner,
        lane=lane,
        most=most,
        **_named("after", after),
        **_named("before", before),
    )
    return found


def _named(name: str, rank: Rank) -> dict[str, Any]:
    return {f"{name}_{index}": value for index, value in enumerate(rank)}


def _literal(name: str) -> Tuple:
    kinds = (BigInteger, BigInteger, BigInteger, Text)
    return tuple_(*(bindparam(f"{name}_{n}", type_=kind) for n, kind in enumerate(kinds)))


def _behind(*columns: Any) -> "Select[Any]":
    return select(*columns).where(
        jobs.c.phase == Phase.WAITING_FOR_SLOT.value,
        jobs.c.owner == bindparam("owner"),
        jobs.c.providers == bindparam("lane"),
        _literal("after") < RANK,
    )


_COUNT: Final = Hot(
    select(func.count()).select_from(
        _behind(jobs.c.id)
        .where(_literal("before") > RANK)
        .limit(bindparam("most", type_=Integer))
        .subquery()
    )
)
_MARK: Final = Hot(_behind(*RANK.clauses).order_by(*RANK.clauses).limit(1).offset(STEP - 1))
