"""Statements about jobs and their history.

`move()` is the only way a job changes phase: it names the phase it leaves, so of two
movers one finds nothing to move, and it writes the event in the same transaction.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    case,
    false,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)

from gateway.model.clock import SECOND
from gateway.model.job import Choice, Job, JobError, Moment, Result
from gateway.model.phases import FINAL, IN_HAND, INITIAL, Event, Phase, step
from gateway.model.request import CreateVideo
from gateway.storage.tables import events, jobs
from providers.contract import Price

_JSON: Final[dict[str, Any]] = {
    "request": CreateVideo,
    "choices": tuple[Choice, ...],
    "error": JobError,
    "cost": Price,
    "result": Result,
}
_HIDDEN: Final = frozenset({"providers", "woken_at", "taken_at"})

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


def insert_job(connection: Connection, job: Job) -> None:
    """Store a new job with its first event."""
    row = {name: _stored(name, getattr(job, name)) for name in Job.__struct_fields__}
    names = dict.fromkeys(choice.provider for choice in job.choices)
    connection.execute(insert(jobs).values(providers=f"|{'|'.join(names)}|", **row))
    _note(connection, job.id, job.created_at, "created", INITIAL, "")


def get(connection: Connection, job_id: str) -> Job | None:
    """The job, or None."""
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().first()
    return None if row is None else _job(row)


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

    `values` are columns to set along with the phase.
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
            **{name: _stored(name, value) for name, value in values.items()},
        )
        .returning(jobs.c.attempt_id, jobs.c.account)
    ).first()
    if moved is None:
        return None
    _note(connection, job_id, now, event.value, entering, detail)
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
            **{name: _stored(name, value) for name, value in values.items()},
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
    ).one()
    phase = Phase(row.phase)
    if phase not in phases:
        return False
    wish: dict[str, object] = {"woken_at": now}
    if not taken:
        wish["due_at"] = max(now, row.taken_at + WAKE_GAP)
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(**wish))
    if row.woken_at == 0:
        _note(connection, job_id, now, "called_back", phase, "the provider called")
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
    return [_job(row) for row in rows if row["id"] not in taken]


def in_phase(connection: Connection, phase: Phase) -> list[Job]:
    """Every job of a phase, whenever it is due."""
    rows = connection.execute(select(jobs).where(jobs.c.phase == phase.value)).mappings()
    return [_job(row) for row in rows]


def in_line(connection: Connection, providers: Sequence[str], now: int, limit: int) -> list[Job]:
    """The head of the line: waiting jobs that one of `providers` could serve, oldest first."""
    rows = connection.execute(
        select(jobs)
        # "+ 0" keeps the planner from the index on due_at, which would sort the whole line.
        .where(
            jobs.c.phase == Phase.WAITING_FOR_SLOT.value,
            jobs.c.due_at + 0 <= now,
            _served_by(providers),
        )
        .order_by(jobs.c.created_at, jobs.c.id)
        .limit(limit)
    ).mappings()
    return [_job(row) for row in rows]


def place_in_line(connection: Connection, job: Job) -> int:
    """How many waiting jobs stand before this one, plus one."""
    before = connection.execute(
        select(func.count())
        .select_from(jobs)
        .where(
            jobs.c.phase == Phase.WAITING_FOR_SLOT.value,
            or_(
                jobs.c.created_at < job.created_at,
                (jobs.c.created_at == job.created_at) & (jobs.c.id < job.id),
            ),
        )
    ).scalar_one()
    return int(before) + 1


def unserved(connection: Connection, providers: Sequence[str]) -> int:
    """How many waiting jobs none of `providers` could serve."""
    found: int = connection.execute(
        select(func.count())
        .select_from(jobs)
        .where(jobs.c.phase == Phase.WAITING_FOR_SLOT.value, not_(_served_by(providers)))
    ).scalar_one()
    return found


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


def _served_by(providers: Sequence[str]) -> ColumnElement[bool]:
    return or_(
        false(), *(jobs.c.providers.contains(f"|{name}|", autoescape=True) for name in providers)
    )


def _note(
    connection: Connection, job_id: str, now: int, event: str, phase: Phase, detail: str
) -> None:
    connection.execute(
        insert(events).values(job_id=job_id, at=now, event=event, phase=phase.value, detail=detail)
    )


def _stored(name: str, value: object) -> object:
    if isinstance(value, Phase):
        return value.value
    if name in _JSON and value is not None:
        return msgspec.json.encode(value).decode()
    return value


def _job(row: RowMapping) -> Job:
    values = {name: value for name, value in row.items() if name not in _HIDDEN}
    for name, kind in _JSON.items():
        if values[name] is not None:
            values[name] = msgspec.json.decode(values[name], type=kind)
    values["phase"] = Phase(values["phase"])
    return Job(**values)
