"""Attempts, and the slots they hold.

A slot is a row: an attempt cannot begin without one, so `max_jobs` holds by construction.
It is bound in the transaction that makes the attempt and freed in the one that ends it.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from gateway.model.phases import Phase
from gateway.storage.accounts import FreeSlot
from gateway.storage.hot import Hot, Row
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


def _is_one_of(*states: State) -> ColumnElement[bool]:
    # No `in_`: its list would be filled in only when it runs.
    return or_(*(attempts.c.state == state.value for state in states))


OPEN: Final = attempts.c.state != literal_column("'ended'")
"""As the partial index has it, to the letter: SQLite draws no conclusions."""
LOST: Final = and_(
    _is_one_of(State.UNKNOWN, State.OVERDUE),
    OPEN,
    attempts.c.remote_id.is_(None),
)
"""That an attempt's answer is missing still."""


def begin(
    connection: Connection, attempt: Attempt, slot: FreeSlot, token_hash: str, now: int
) -> bool:
    """Make an attempt and bind a slot to it; False when the slot is gone."""
    _BEGIN.write(
        connection,
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
    return _BIND.write(connection, account=slot.account, n=slot.n, attempt_id=attempt.id) == 1


def mark(connection: Connection, attempt_id: str, state: State, **values: object) -> None:
    """Record how far an attempt got. Facts carry no condition: they are true whoever writes."""
    _mark(tuple(values)).write(connection, attempt_id=attempt_id, **_new(state, values))


def _new(state: State, values: Mapping[str, object]) -> dict[str, object]:
    return {"new_state": state.value, **{f"new_{name}": value for name, value in values.items()}}


@cache
def _mark(names: tuple[str, ...], *, judged: bool = False) -> Hot:
    """Sets these columns along with the state; `judged`: and a verdict, where one is due."""
    values: dict[str, object] = {name: bindparam(f"new_{name}") for name in ("state", *names)}
    if judged:
        values["verdict"] = case((LOST, bindparam("new_verdict")), else_=attempts.c.verdict)
    return Hot(update(attempts).where(_MINE).values(values))


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
    _CLAIM.write(connection, attempt_id=attempt_id, claimed_id=claimed_id, instead_of=instead_of)


def called(connection: Connection, attempt_id: str, now: int) -> None:
    """Its callback came: whatever that said, the request was read."""
    _CALLED.write(connection, attempt_id=attempt_id, at=now)


def sender_done(connection: Connection, attempt_id: str) -> None:
    """Whoever sent it says so itself: its request is over, and nobody will send it any more."""
    _DONE.write(connection, attempt_id=attempt_id)


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
    _FREE.write(connection, of_attempt=attempt_id)
    values: dict[str, object] = {"ended_at": now}
    if evidence is not None:
        values["evidence"] = evidence
    told, judged = _new(state, values), state is State.ENDED
    if judged:
        told["new_verdict"] = verdict.value
    _mark(tuple(values), judged=judged).write(connection, attempt_id=attempt_id, **told)


def by_id(connection: Connection, attempt_id: str) -> Attempt | None:
    """The attempt, or None."""
    row = _BY_ID.first(connection, attempt_id=attempt_id)
    return None if row is None else attempt_of(row)


def by_token(connection: Connection, token_hash: str) -> Attempt | None:
    """The attempt whose callback URL carries the token of this hash."""
    row = _BY_TOKEN.first(connection, token_hash=token_hash)
    return None if row is None else attempt_of(row)


def of_job(connection: Connection, job_id: str) -> list[Attempt]:
    """All attempts of a job, first to last."""
    return list(map(attempt_of, _OF_JOB.rows(connection, job_id=job_id)))


def in_hand(connection: Connection) -> list[Held]:
    """Every attempt that some replica has, or had, in hand."""
    names = Held.__struct_fields__
    return [
        msgspec.convert(dict(zip(names, row, strict=True)), Held)
        for row in _IN_HAND.rows(connection)
    ]


def next_n(connection: Connection, job_id: str) -> int:
    """The number of a job's next attempt, counting those that were never sent."""
    return (_LAST_N.scalar(connection, job_id=job_id) or 0) + 1


def attempt_of(row: Row) -> Attempt:
    """The attempt of a row of `COLUMNS`."""
    return msgspec.convert(dict(zip(Attempt.__struct_fields__, row, strict=True)), Attempt)


COLUMNS: Final = tuple(attempts.c[name] for name in Attempt.__struct_fields__)
"""What `attempt_of` reads, in this order."""
_MINE: Final = attempts.c.id == bindparam("attempt_id")
_BEGIN: Final = Hot(
    insert(attempts),
    ["id", "job_id", "n", "account", "target", "token_hash", "state", "replica", "created_at"],
)
_BIND: Final = Hot(
    update(slots)
    .where(
        slots.c.account == bindparam("account"),
        slots.c.n == bindparam("n"),
        slots.c.attempt_id.is_(None),
    )
    .values(attempt_id=bindparam("attempt_id"))
)
_FREE: Final = Hot(
    update(slots).where(slots.c.attempt_id == bindparam("of_attempt")).values(attempt_id=None)
)
_CLAIM: Final = Hot(
    update(attempts)
    .where(_MINE, attempts.c.remote_id.is_(None))
    .where(attempts.c.claimed_id.is_(None) | (attempts.c.claimed_id == bindparam("instead_of")))
    .values(claimed_id=bindparam("claimed_id"))
)
_CALLED: Final = Hot(
    update(attempts).where(_MINE, attempts.c.called_at.is_(None)).values(called_at=bindparam("at"))
)
_DONE: Final = Hot(update(attempts).where(_MINE).values(replica=None))
_BY_ID: Final = Hot(select(*COLUMNS).where(_MINE))
_BY_TOKEN: Final = Hot(select(*COLUMNS).where(attempts.c.token_hash == bindparam("token_hash")))
_OF_JOB: Final = Hot(
    select(*COLUMNS).where(attempts.c.job_id == bindparam("job_id")).order_by(attempts.c.n)
)
_LAST_N: Final = Hot(select(func.max(attempts.c.n)).where(attempts.c.job_id == bindparam("job_id")))
_IN_HAND: Final = Hot(
    select(*(attempts.c[name] for name in ("id", "job_id", "state", "replica", "created_at")))
    .add_columns(jobs.c.phase, jobs.c.owner)
    .join(jobs, jobs.c.id == attempts.c.job_id)
    .where(_is_one_of(*IN_HAND), OPEN)
)
