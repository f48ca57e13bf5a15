"""Accounts: what they may carry, when they rest, and why.

An account has `max_jobs` slots, of which it may get fewer: `allowed` is what it proved to
carry. It rests until `cooling_until`, which is 0 once its rest was ended: that holds by every
clock. One that is `tripped` gets one job at a time until it has taken one (the half-open state
of a circuit breaker).
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import (
    Connection,
    Integer,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from gateway.model import limits
from gateway.storage.hot import Hot
from gateway.storage.states import AT_PROVIDER, IN_HAND
from gateway.storage.tables import accounts, attempts, slots
from providers.contract import Account

FOREVER: Final = 2**62
"""When a pause ends that only an operator ends."""
PAUSED: Final = "paused_by_operator"

TAKEN: Final = (
    select(func.count())
    .select_from(slots)
    .where(slots.c.account == accounts.c.name, slots.c.attempt_id.is_not(None))
    .correlate(accounts)
    .scalar_subquery()
)
"""How many slots of an account are taken, in a statement about `accounts`."""


class FreeSlot(msgspec.Struct, frozen=True):
    """A slot that may be bound now; `load` is how full its account is before it is bound."""

    account: str
    provider: str
    n: int
    load: float = 0.0


def sync(connection: Connection, configured: Sequence[Account]) -> None:
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
    """Slots that may be bound, of accounts that do not rest.

    Never more of an account than its limit leaves, whichever numbers the taken ones have:
    after a limit was lowered, slots above it may still be taken.
    """
    free: list[FreeSlot] = []
    for name, provider, max_jobs, allowed, tripped, taken, probing in _USABLE.rows(
        connection, now=now
    ):
        limit = limits.effective(allowed, max_jobs)
        room = limit - taken
        if tripped:
            room = 0 if probing else min(room, 1)
        if room <= 0:
            continue
        numbers = _FREE.rows(connection, account=name, below=max_jobs, room=room)
        free += [
            FreeSlot(name, provider, n, (taken + index) / limit)
            for index, (n,) in enumerate(numbers)
        ]
    return sorted(free, key=lambda slot: (slot.account, slot.n))


def cooling_until(connection: Connection, now: int) -> int | None:
    """When the next resting account may be used again."""
    found: int | None = _COOLING.scalar(connection, now=now)
    return found


def cool(
    connection: Connection,
    names: Sequence[str],
    now: int,
    until: int,
    reason: str,
    words: str | None = None,
) -> None:
    """Hand out no slot of these accounts before `until`; a longer pause stays as it is."""
    connection.execute(
        update(accounts)
        .where(accounts.c.name.in_(names), accounts.c.cooling_until < until)
        .values(cooling_until=until, cooled_at=now, cooling_reason=reason, words=words)
    )


def pause(
    connection: Connection, names: Sequence[str], now: int, until: int, reason: str, words: str
) -> None:
    """Rest accounts that somebody has to mend; afterwards one job goes first, alone."""
    cool(connection, names, now, until, reason, words)
    connection.execute(
        update(accounts)
        .where(accounts.c.name.in_(names))
        .values(tripped=1, paused_at=func.coalesce(accounts.c.paused_at, now))
    )


def resume(connection: Connection, name: str) -> bool:
    """An operator says that the account works again; False where there is none of this name."""
    changed = connection.execute(
        update(accounts)
        .where(accounts.c.name == name)
        .values(cooling_until=0, failures=0, throttled=0, allowed=None)
    )
    return changed.rowcount > 0


def end_rest(connection: Connection, provider: str, reason: str) -> None:
    """What the accounts of a provider rest for is over."""
    connection.execute(
        update(accounts)
        .where(accounts.c.provider == provider, accounts.c.cooling_reason == reason)
        .where(accounts.c.cooling_until < FOREVER)
        .values(cooling_until=0)
    )


def worked(connection: Connection, name: str) -> bool:
    """The account answered about a job itself: what was held against it, if anything, is over."""
    changed = connection.execute(
        update(accounts)
        .where(accounts.c.name == name, (accounts.c.tripped > 0) | (accounts.c.failures > 0))
        # What an operator said of it stays, whatever was under way then.
        .where(accounts.c.cooling_until < FOREVER)
        .values(tripped=0, failures=0, words=None, paused_at=None)
    )
    return changed.rowcount > 0


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
        .values(failures=accounts.c.failures + 1, tripped=1)
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


def full(connection: Connection, name: str, now: int) -> None:
    """The account is full at the provider: it may have no more than it carries right now."""
    row = connection.execute(
        select(accounts.c.allowed, accounts.c.max_jobs).where(accounts.c.name == name)
    ).first()
    if row is None:
        return
    carried = connection.execute(
        select(func.count())
        .select_from(slots.join(attempts, attempts.c.id == slots.c.attempt_id))
        .where(slots.c.account == name, attempts.c.state.in_(AT_PROVIDER))
    ).scalar_one()
    allowed = limits.fallen(row.allowed, row.max_jobs, carried)
    connection.execute(
        update(accounts).where(accounts.c.name == name).values(allowed=allowed, allowed_at=now)
    )


def took_one(connection: Connection, name: str) -> bool:
    """A submission was accepted: the refusals before do not count any more; see `worked`."""
    mended = worked(connection, name)
    connection.execute(
        update(accounts)
        .where(accounts.c.name == name, accounts.c.throttled > 0)
        .values(throttled=0)
    )
    return mended


def recover(connection: Connection, now: int) -> None:
    """Let accounts that were full and not throttled for a while try one job more."""
    for name, before, since, max_jobs, taken in _LOWERED.rows(
        connection, until=now - limits.RAISE_AFTER
    ):
        proven = taken >= limits.effective(before, max_jobs)
        allowed = limits.risen(before, max_jobs, since, now, proven=proven)
        if allowed != before:
            connection.execute(
                update(accounts)
                .where(accounts.c.name == name)
                .values(allowed=None if allowed >= max_jobs else allowed, allowed_at=now)
            )


def called_back(connection: Connection, name: str, *, told: bool) -> None:
    """A job ended: a callback `told` of it first, or a poll had to find out."""
    connection.execute(
        update(accounts)
        .where(accounts.c.name == name)
        .values(callbacks=accounts.c.callbacks + 1 if told else 0)
    )


def callbacks(connection: Connection, name: str) -> int:
    """How many ends of jobs in a row a callback told of first."""
    found: int | None = connection.execute(
        select(accounts.c.callbacks).where(accounts.c.name == name)
    ).scalar_one_or_none()
    return found or 0


def rebase(connection: Connection, now: int, longest: int) -> None:
    """Have no account rest for a time that only a clock that was ahead has named.

    A pause that began later than now begins now. One of which it is not known when it began
    is over after the `longest` there is.
    """
    for wrong, until in (
        (accounts.c.cooled_at > now, accounts.c.cooling_until - accounts.c.cooled_at + now),
        (accounts.c.cooling_until > now + longest, now + longest),
    ):
        connection.execute(
            update(accounts)
            .where(accounts.c.cooling_until < FOREVER, wrong)
            .values(cooling_until=until, cooled_at=now)
        )
    connection.execute(update(accounts).where(accounts.c.allowed_at > now).values(allowed_at=now))


def end_pauses(connection: Connection, now: int, passing: str, longest: int) -> None:
    """End the pauses that a start should not wait for.

    Those for another reason than `passing` may have been mended, which is often why there
    was a restart; and one longer than `longest` only a clock that was wrong can have set.
    Those an operator made stay.
    """
    connection.execute(
        update(accounts)
        .where(
            accounts.c.cooling_until > now,
            accounts.c.cooling_until < FOREVER,
            (accounts.c.cooling_reason != passing) | (accounts.c.cooling_until > now + longest),
        )
        .values(cooling_until=0, failures=0)
    )


_probing: Final = exists(
    select(attempts.c.id)
    .join(slots, slots.c.attempt_id == attempts.c.id)
    .where(
        slots.c.account == accounts.c.name,
        or_(*(attempts.c.state == state.value for state in IN_HAND)),
    )
    .correlate(accounts)
)
_USABLE: Final = Hot(
    select(
        accounts.c.name,
        accounts.c.provider,
        accounts.c.max_jobs,
        accounts.c.allowed,
        accounts.c.tripped,
        TAKEN.label("taken"),
        _probing.label("probing"),
    ).where(accounts.c.max_jobs > 0, accounts.c.cooling_until <= bindparam("now"))
)
_FREE: Final = Hot(
    select(slots.c.n)
    .where(
        slots.c.account == bindparam("account"),
        slots.c.attempt_id.is_(None),
        slots.c.n < bindparam("below"),
    )
    .order_by(slots.c.n)
    .limit(bindparam("room", type_=Integer))
)
_COOLING: Final = Hot(
    select(func.min(accounts.c.cooling_until)).where(
        accounts.c.cooling_until > bindparam("now"), accounts.c.cooling_until < FOREVER
    )
)
_LOWERED: Final = Hot(
    select(
        accounts.c.name,
        accounts.c.allowed,
        accounts.c.allowed_at,
        accounts.c.max_jobs,
        TAKEN.label("taken"),
    ).where(accounts.c.allowed.is_not(None), accounts.c.allowed_at <= bindparam("until"))
)
