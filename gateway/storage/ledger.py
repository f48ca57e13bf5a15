"""Accounts, their slots, and the attempts that hold them.

A slot is a row: an attempt cannot begin without one, so `max_jobs` holds by construction.
It is bound in the transaction that makes the attempt and freed in the one that ends it.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    ScalarSelect,
    delete,
    func,
    insert,
    select,
    update,
)

from gateway.storage.tables import accounts, attempts, keep, slots, uploads
from providers.contract import Account


class State(StrEnum):
    """How far an attempt got.

    `SENDING` is the intent: committed before the paid request leaves, so that after a crash
    it reads "may have been sent". `OVERDUE` attempts are watched on, without a slot.
    """

    PREPARING = "preparing"
    SENDING = "sending"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    OVERDUE = "overdue"
    ENDED = "ended"


IN_FLIGHT: Final = (State.PREPARING, State.SENDING, State.ACCEPTED, State.UNKNOWN)


class FreeSlot(msgspec.Struct, frozen=True):
    """A slot that may be bound now."""

    account: str
    provider: str
    n: int


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try to submit a job to one account; `n` counts those that were never sent too."""

    id: str
    job_id: str
    n: int
    account: str
    target: str
    state: State
    remote_id: str | None
    claimed_id: str | None


def sync_accounts(connection: Connection, configured: Sequence[Account]) -> None:
    """Make accounts and slots what the configuration says.

    A slot above a lowered limit stays until its attempt ends and is then not handed out; an
    account that left the configuration keeps its attempts, and gets no new ones.
    """
    names = [account.name for account in configured]
    connection.execute(update(accounts).where(accounts.c.name.not_in(names)).values(max_jobs=0))
    for account in configured:
        facts = {"provider": account.provider, "max_jobs": account.max_jobs}
        changed = connection.execute(
            update(accounts).where(accounts.c.name == account.name).values(**facts)
        )
        if changed.rowcount == 0:
            connection.execute(insert(accounts).values(name=account.name, **facts))
        present = set(
            connection.execute(select(slots.c.n).where(slots.c.account == account.name)).scalars()
        )
        for n in sorted(set(range(account.max_jobs)) - present):
            connection.execute(insert(slots).values(account=account.name, n=n))
    connection.execute(
        delete(slots).where(
            slots.c.attempt_id.is_(None),
            slots.c.n
            >= select(accounts.c.max_jobs)
            .where(accounts.c.name == slots.c.account)
            .scalar_subquery(),
        )
    )


def free_slots(connection: Connection, now: int) -> list[FreeSlot]:
    """Slots that may be bound, of accounts that are not cooling.

    Never more of an account than its limit leaves, whichever numbers the taken ones have:
    after a limit was lowered, slots above it may still be taken.
    """
    rows = connection.execute(
        select(
            slots.c.account,
            accounts.c.provider,
            slots.c.n,
            (accounts.c.max_jobs - _taken(accounts.c.name)).label("room"),
        )
        .join(accounts, accounts.c.name == slots.c.account)
        .where(
            slots.c.attempt_id.is_(None),
            slots.c.n < accounts.c.max_jobs,
            accounts.c.cooling_until <= now,
        )
        .order_by(slots.c.account, slots.c.n)
    )
    free: list[FreeSlot] = []
    given: Counter[str] = Counter()
    for row in rows:
        if given[row.account] < row.room:
            given[row.account] += 1
            free.append(FreeSlot(row.account, row.provider, row.n))
    return free


def cooling_until(connection: Connection, now: int) -> int | None:
    """When the next cooling account may be used again."""
    found: int | None = connection.execute(
        select(func.min(accounts.c.cooling_until)).where(accounts.c.cooling_until > now)
    ).scalar_one()
    return found


def cool(connection: Connection, names: Sequence[str], until: int, reason: str) -> None:
    """Hand out no slot of these accounts before `until`; a longer pause stays as it is."""
    connection.execute(
        update(accounts)
        .where(accounts.c.name.in_(names), accounts.c.cooling_until < until)
        .values(cooling_until=until, cooling_reason=reason)
    )


def reached(connection: Connection, name: str) -> None:
    """A request got through to the provider: its silences before do not count any more."""
    connection.execute(
        update(accounts).where(accounts.c.name == name, accounts.c.failures > 0).values(failures=0)
    )


def not_reached(connection: Connection, name: str) -> int:
    """A request did not get through; how many in a row that makes."""
    row = connection.execute(
        update(accounts)
        .where(accounts.c.name == name)
        .values(failures=accounts.c.failures + 1)
        .returning(accounts.c.failures)
    ).first()
    return 1 if row is None else int(row.failures)


def throttled(connection: Connection, name: str, now: int, reason: str) -> int:
    """A request was refused with 429; how many times in a row that had happened before.

    Those that were under way together count once: while the account rests for this `reason`
    already, they are the same refusal.
    """
    row = connection.execute(
        select(accounts.c.throttled, accounts.c.cooling_until, accounts.c.cooling_reason).where(
            accounts.c.name == name
        )
    ).first()
    if row is None:
        return 0
    before = int(row.throttled)
    if before and row.cooling_until > now and row.cooling_reason == reason:
        return before - 1
    connection.execute(update(accounts).where(accounts.c.name == name).values(throttled=before + 1))
    return before


def not_throttled(connection: Connection, name: str) -> None:
    """A submission was accepted: the refusals with 429 before do not count any more."""
    connection.execute(
        update(accounts)
        .where(accounts.c.name == name, accounts.c.throttled > 0)
        .values(throttled=0)
    )


def rebase(connection: Connection, now: int, passing: str, longest: int) -> None:
    """End the pauses that a start should not wait for.

    Those for another reason than `passing` may have been mended, which is often why there
    was a restart; and one longer than `longest` only a clock that was wrong can have set.
    """
    connection.execute(
        update(accounts)
        .where(
            accounts.c.cooling_until > now,
            (accounts.c.cooling_reason != passing) | (accounts.c.cooling_until > now + longest),
        )
        .values(cooling_until=now, failures=0)
    )


class Rest(msgspec.Struct, frozen=True):
    """An account that gets no jobs for a while."""

    account: str
    until: int
    reason: str


def resting(connection: Connection, providers: Sequence[str], now: int) -> list[Rest] | None:
    """Where every account of these providers rests: when and why, the earliest first.

    None where one of them could take a job as soon as it has a free slot.
    """
    rows = connection.execute(
        select(accounts.c.name, accounts.c.cooling_until, accounts.c.cooling_reason)
        .where(accounts.c.provider.in_(providers), accounts.c.max_jobs > 0)
        .order_by(accounts.c.cooling_until)
    ).all()
    if any(row.cooling_until <= now for row in rows):
        return None
    return [Rest(row.name, row.cooling_until, row.cooling_reason or "") for row in rows]


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


def claim(connection: Connection, attempt_id: str, claimed_id: str) -> None:
    """Keep the id that was heard of, while an answer that says so clearly is missing."""
    connection.execute(
        update(attempts)
        .where(attempts.c.id == attempt_id, attempts.c.remote_id.is_(None))
        .values(claimed_id=claimed_id)
    )


def end(
    connection: Connection,
    attempt_id: str,
    now: int,
    *,
    evidence: str | None = None,
    state: State = State.ENDED,
) -> None:
    """End an attempt and free its slot."""
    connection.execute(
        update(slots).where(slots.c.attempt_id == attempt_id).values(attempt_id=None)
    )
    values: dict[str, object] = {"ended_at": now}
    if evidence is not None:
        values["evidence"] = evidence
    mark(connection, attempt_id, state, **values)


def by_id(connection: Connection, attempt_id: str) -> Attempt | None:
    """The attempt, or None."""
    return _attempt(connection, attempts.c.id == attempt_id)


def by_token(connection: Connection, token_hash: str) -> Attempt | None:
    """The attempt whose callback URL carries the token of this hash."""
    return _attempt(connection, attempts.c.token_hash == token_hash)


def of_job(connection: Connection, job_id: str) -> list[Attempt]:
    """All attempts of a job, first to last."""
    rows = connection.execute(
        select(*_COLUMNS).where(attempts.c.job_id == job_id).order_by(attempts.c.n)
    )
    return [_read(row) for row in rows.mappings()]


def next_n(connection: Connection, job_id: str) -> int:
    """The number of a job's next attempt, counting those that were never sent."""
    last = select(func.max(attempts.c.n)).where(attempts.c.job_id == job_id)
    return (connection.execute(last).scalar_one() or 0) + 1


def remote_id_taken(connection: Connection, account: str, remote_id: str) -> bool:
    """Whether some attempt already owns this job of the provider's."""
    found = connection.execute(
        select(attempts.c.id).where(
            attempts.c.account == account, attempts.c.remote_id == remote_id
        )
    ).first()
    return found is not None


def uploaded(connection: Connection, account: str, digest: str) -> str | None:
    """The reference under which an account already keeps a picture."""
    found: str | None = connection.execute(
        select(uploads.c.reference).where(uploads.c.account == account, uploads.c.digest == digest)
    ).scalar_one_or_none()
    return found


def remember_upload(
    connection: Connection, account: str, digest: str, reference: str, now: int
) -> None:
    """Keep an upload's reference, so that no picture goes to an account twice."""
    if uploaded(connection, account, digest) is None:
        connection.execute(
            insert(uploads).values(
                account=account, digest=digest, reference=reference, created_at=now
            )
        )


def forget_uploads(connection: Connection, account: str, references: Collection[str]) -> None:
    """Upload these pictures again next time: the provider may not know them any more."""
    connection.execute(
        delete(uploads).where(
            uploads.c.account == account, uploads.c.reference.in_(list(references))
        )
    )


def kept(connection: Connection, name: str, value: str) -> str:
    """The value kept under `name`; `value` becomes it where there is none."""
    found: str | None = connection.execute(
        select(keep.c.value).where(keep.c.name == name)
    ).scalar_one_or_none()
    if found is None:
        connection.execute(insert(keep).values(name=name, value=value))
        return value
    return found


_COLUMNS: Final = tuple(attempts.c[name] for name in Attempt.__struct_fields__)


def _taken(account: ColumnElement[str]) -> ScalarSelect[int]:
    other = slots.alias("taken")
    return (
        select(func.count())
        .select_from(other)
        .where(other.c.account == account, other.c.attempt_id.is_not(None))
        .scalar_subquery()
    )


def _attempt(connection: Connection, condition: ColumnElement[bool]) -> Attempt | None:
    row = connection.execute(select(*_COLUMNS).where(condition)).mappings().first()
    return None if row is None else _read(row)


def _read(row: RowMapping) -> Attempt:
    # Column names are a subclass of str, which msgspec does not take for one.
    return msgspec.convert({str(name): value for name, value in row.items()}, Attempt)
