"""Statements about the line: who waits for a slot, in which order, and for how long."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Tuple,
    false,
    func,
    not_,
    or_,
    select,
    tuple_,
)

from gateway.model.job import Choice, Job
from gateway.model.phases import Phase
from gateway.storage.rows import job_of
from gateway.storage.tables import jobs

_BEFORE_START: Final = (Phase.WAITING_FOR_INPUT, Phase.WAITING_FOR_SLOT)
_rank: Final = tuple_(jobs.c.turned_away, jobs.c.created_at, jobs.c.id)
"""The order of the line."""


def served(choices: Sequence[Choice]) -> str:
    """Who could serve a job with these choices, as its column `providers` holds it."""
    return f"|{'|'.join(_providers(choices))}|"


def in_line(
    connection: Connection,
    providers: Sequence[str],
    now: int,
    limit: int,
    *,
    behind: Job | None = None,
) -> list[Job]:
    """The head of the line: waiting jobs that one of `providers` could serve, oldest first.

    One that an account or a provider turned away lets those go first that were not tried as
    often: it may be the only one that is refused, and must not stop the others. None that
    should have started by now. With `behind`, those after this one.
    """
    rows = connection.execute(
        select(jobs)
        # "+ 0" keeps the planner from the indexes on times, which would sort the whole line.
        .where(
            jobs.c.phase == Phase.WAITING_FOR_SLOT.value,
            jobs.c.due_at + 0 <= now,
            or_(jobs.c.start_by.is_(None), jobs.c.start_by + 0 > now),
            _served_by(providers),
            *([] if behind is None else [_rank > _place(behind)]),
        )
        .order_by(jobs.c.turned_away, jobs.c.created_at, jobs.c.id)
        .limit(limit)
    ).mappings()
    return [job_of(row) for row in rows]


def place_in_line(connection: Connection, job: Job) -> int:
    """How many waiting jobs stand before this one, plus one.

    Only those that could take a slot from it: that one of its providers could serve.
    """
    return _in_front(connection, _providers(job.choices), _rank < _place(job)) + 1


def last_place(connection: Connection, choices: Sequence[Choice]) -> int:
    """The place in line that a new job with these choices would get."""
    return _in_front(connection, _providers(choices), jobs.c.turned_away == 0) + 1


def unserved(connection: Connection, providers: Sequence[str]) -> int:
    """How many waiting jobs none of `providers` could serve."""
    found: int = connection.execute(
        select(func.count())
        .select_from(jobs)
        .where(jobs.c.phase == Phase.WAITING_FOR_SLOT.value, not_(_served_by(providers)))
    ).scalar_one()
    return found


def past_start(connection: Connection, now: int, limit: int) -> list[Job]:
    """Jobs that still wait although they should have started by now."""
    found: list[Job] = []
    for phase in _BEFORE_START:
        rows = connection.execute(
            select(jobs).where(jobs.c.phase == phase.value, jobs.c.start_by <= now).limit(limit)
        ).mappings()
        found += [job_of(row) for row in rows]
    return found


def next_start_by(connection: Connection) -> int | None:
    """When the next waiting job has waited too long."""
    firsts = [
        connection.execute(
            select(func.min(jobs.c.start_by)).where(
                jobs.c.phase == phase.value, jobs.c.start_by.is_not(None)
            )
        ).scalar_one()
        for phase in _BEFORE_START
    ]
    return min((int(one) for one in firsts if one is not None), default=None)


def _in_front(connection: Connection, providers: Sequence[str], where: ColumnElement[bool]) -> int:
    found: int = connection.execute(
        select(func.count())
        .select_from(jobs)
        .where(jobs.c.phase == Phase.WAITING_FOR_SLOT.value, _served_by(providers), where)
    ).scalar_one()
    return found


def _place(job: Job) -> Tuple:
    return tuple_(job.turned_away, job.created_at, job.id)


def _providers(choices: Sequence[Choice]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(choice.provider for choice in choices))


def _served_by(providers: Sequence[str]) -> ColumnElement[bool]:
    return or_(
        false(), *(jobs.c.providers.contains(f"|{name}|", autoescape=True) for name in providers)
    )
