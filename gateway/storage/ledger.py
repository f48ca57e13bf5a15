"""Attempts, and the slots they hold.

A slot is a row: an attempt cannot begin without one, so `max_jobs` holds by construction.
It is bound in the transaction that makes the attempt and freed in the one that ends it.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    case,
    func,
    insert,
    literal_column,
    select,
    update,
)

from gateway.model.phases import Phase
from gateway.storage.accounts import FreeSlot
from gateway.storage.states import IN_FLIGHT, IN_HAND, State
from gateway.storage.tables import attempts, jobs, slots
from providers.contract import Role, VideoSpec

__all__ = ["IN_FLIGHT", "Attempt", "Held", "Sent", "State", "Verdict"]


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt sent, kept to look for it where the answer was lost.

    `drawn`: the seed is not the caller's own.
    """

    spec: VideoSpec
    inputs: Mapping[Role, Sequence[str]] = {}
    drawn: bool = False


class Verdict(StrEnum):
    """What is known of an attempt that ended without an id, though it may have been read."""

    NOT_MADE = "not_made"
    """It is known that it made nothing."""
    GIVEN_UP = "given_up"
    """It may have made something; nobody waits for that."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try to submit a job to one account; `n` counts those that were never sent too.

    `looks` are the whole searches in a row that did not find it, `searched_at` is the first
    search under a clock that agreed with the provider's. `called_at` is when its callback first
    came. `credentials` are a digest of what it was sent with; `doubt` says why its absence is
    never taken for proof. Times are microseconds.
    """

    id: str
    job_id: str
    n: int
    account: str
    target: str
    state: State
    remote_id: str | None = None
    claimed_id: str | None = None
    replica: str | None = None
    created_at: int = 0
    sent_at: int | None = None
    ended_at: int | None = None
    evidence: str | None = None
    looks: int = 0
    called_at: int | None = None
    credentials: str | None = None
    doubt: str | None = None
    searched_at: int | None = None
    verdict: Verdict | None = None

    @property
    def left_at(self) -> int:
        """When it was sent, by our clock then."""
        return self.sent_at or self.created_at

    @property
    def provider(self) -> str:
        """Whose ids its own is one of."""
        return self.target.partition("/")[0]

    @property
    def was_heard_of(self) -> bool:
        """Whether anything told that its request was read: it is never taken as not made."""
        return self.claimed_id is not None or self.called_at is not None


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that some replica has in hand, and where its job stands."""

    id: str
    job_id: str
    state: State
    replica: str | None
    created_at: int
    phase: Phase
    owner: str


OPEN: Final = attempts.c.state != literal_column("'ended'")
"""As the partial index has it, to the letter: SQLite draws no conclusions."""
LOST: Final = and_(
    attempts.c.state.in_([State.UNKNOWN.value, State.OVERDUE.value]),
    OPEN,
    attempts.c.remote_id.is_(None),
)
"""That an attempt's answer is missing still."""


def begin(
    connection: Connection, attempt: Attempt, slot: FreeSlot, token_hash: str, now: int
) -> bool:
    """Make an attempt and bind a slot to it; False when the slot is gone."""
    connection.execute(
        insert(attempts).values(
            id=attempt.id,
            job_id=attempt.job_id,
            n=attempt.n,
            account=attempt.account,
            target=attempt.target,
            token_hash=token_hash,
            state=attempt.state.value,
            replica=attempt.replica,
            created_at=now,
        )
    )
    bound = connection.execute(
        update(slots)
        .where(slots.c.account == slot.account, slots.c.n == slot.n, slots.c.attempt_id.is_(None))
        .values(attempt_id=attempt.id)
    )
    return bound.rowcount == 1


def mark(connection: Connection, attempt_id: str, state: State, **values: object) -> None:
    """Record how far an attempt got. Facts carry no condition: they are true whoever writes."""
    connection.execute(
        update(attempts).where(attempts.c.id == attempt_id).values(state=state.value, **values)
    )


def send(connection: Connection, attempt_id: str, now: int, sent: Sent, credentials: str) -> None:
    """The intent: from here on the paid request may have left."""
    told = msgspec.json.encode(sent).decode()
    mark(connection, attempt_id, State.SENDING, sent_at=now, sent=told, credentials=credentials)


def claim(
    connection: Connection, attempt_id: str, claimed_id: str, *, instead_of: str | None = None
) -> None:
    """Keep the id that was heard of, while an answer that says so clearly is missing.

    The first one stays, unless it is the one that this should stand `instead_of`.
    """
    connection.execute(
        update(attempts)
        .where(attempts.c.id == attempt_id, attempts.c.remote_id.is_(None))
        .where(attempts.c.claimed_id.is_(None) | (attempts.c.claimed_id == instead_of))
        .values(claimed_id=claimed_id)
    )


def called(connection: Connection, attempt_id: str, now: int) -> None:
    """Its callback came: whatever that said, the request was read."""
    connection.execute(
        update(attempts)
        .where(attempts.c.id == attempt_id, attempts.c.called_at.is_(None))
        .values(called_at=now)
    )


def sender_done(connection: Connection, attempt_id: str) -> None:
    """Whoever sent it says so itself: its request is over, and nobody will send it any more."""
    connection.execute(update(attempts).where(attempts.c.id == attempt_id).values(replica=None))


def end(
    connection: Connection,
    attempt_id: str,
    now: int,
    *,
    evidence: str | None = None,
    state: State = State.ENDED,
    verdict: Verdict = Verdict.GIVEN_UP,
) -> None:
    """End an attempt and free its slot.

    Where its answer was lost and it has no id, `verdict` says what is known of it.
    """
    connection.execute(
        update(slots).where(slots.c.attempt_id == attempt_id).values(attempt_id=None)
    )
    values: dict[str, object] = {"ended_at": now}
    if evidence is not None:
        values["evidence"] = evidence
    if state is State.ENDED:
        values["verdict"] = case((LOST, verdict.value), else_=attempts.c.verdict)
    mark(connection, attempt_id, state, **values)


def by_id(connection: Connection, attempt_id: str) -> Attempt | None:
    """The attempt, or None."""
    return _attempt(connection, attempts.c.id == attempt_id)


def by_token(connection: Connection, token_hash: str) -> Attempt | None:
    """The attempt whose callback URL carries the token of this hash."""
    return _attempt(connection, attempts.c.token_hash == token_hash)


def of_job(connection: Connection, job_id: str) -> list[Attempt]:
    """All attempts of a job, first to last."""
    return matching(connection, attempts.c.job_id == job_id, attempts.c.n)


def matching(
    connection: Connection, condition: ColumnElement[bool], *order: ColumnElement[Any]
) -> list[Attempt]:
    """The attempts of which this is true, in this order."""
    rows = connection.execute(select(*_COLUMNS).where(condition).order_by(*order))
    return [_read(row) for row in rows.mappings()]


def in_hand(connection: Connection) -> list[Held]:
    """Every attempt that some replica has, or had, in hand."""
    rows = connection.execute(
        select(
            attempts.c.id,
            attempts.c.job_id,
            attempts.c.state,
            attempts.c.replica,
            attempts.c.created_at,
            jobs.c.phase,
            jobs.c.owner,
        )
        .join(jobs, jobs.c.id == attempts.c.job_id)
        .where(attempts.c.state.in_([state.value for state in IN_HAND]), OPEN)
    )
    return [
        Held(
            id=row.id,
            job_id=row.job_id,
            state=State(row.state),
            replica=row.replica,
            created_at=row.created_at,
            phase=Phase(row.phase),
            owner=row.owner,
        )
        for row in rows
    ]


def next_n(connection: Connection, job_id: str) -> int:
    """The number of a job's next attempt, counting those that were never sent."""
    last = select(func.max(attempts.c.n)).where(attempts.c.job_id == job_id)
    return (connection.execute(last).scalar_one() or 0) + 1


_COLUMNS: Final = tuple(attempts.c[name] for name in Attempt.__struct_fields__)


def _attempt(connection: Connection, condition: ColumnElement[bool]) -> Attempt | None:
    return next(iter(matching(connection, condition)), None)


def _read(row: RowMapping) -> Attempt:
    # Column names are a subclass of str, which msgspec does not take for one.
    return msgspec.convert({str(name): value for name, value in row.items()}, Attempt)
