"""How accounts stand: what may be said of them, without a change to any.

What changes them, and binds their slots, is in `accounts`.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, select

from gateway.model import limits
from gateway.storage.accounts import TAKEN
from gateway.storage.hot import Hot
from gateway.storage.tables import accounts


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How an account stands. Times are microseconds, None where they do not apply.

    `limit` is how many jobs it may have now, `taken` how many it has; `rests_until` is None
    while it takes jobs; `reason` and `words` tell why it rests, or last did.
    """

    name: str
    provider: str
    max_jobs: int
    limit: int
    taken: int
    rests_until: int | None
    reason: str | None
    words: str | None
    paused_at: int | None
    failures: int
    throttled: int
    probing: bool


class Rest(msgspec.Struct, frozen=True):
    """An account that gets no jobs for a while."""

    account: str
    until: int
    reason: str


def standings(connection: Connection, now: int) -> list[Standing]:
    """Every account there is a slot for, by name."""
    rows = connection.execute(
        select(accounts, TAKEN.label("taken"))
        .where((accounts.c.max_jobs > 0) | (TAKEN > 0))
        .order_by(accounts.c.name)
    )
    return [
        Standing(
            name=row.name,
            provider=row.provider,
            max_jobs=row.max_jobs,
            limit=limits.effective(row.allowed, row.max_jobs) if row.max_jobs else 0,
            taken=row.taken,
            rests_until=row.cooling_until if row.cooling_until > now else None,
            reason=row.cooling_reason if row.cooling_until > now or row.tripped else None,
            words=row.words,
            paused_at=row.paused_at,
            failures=row.failures,
            throttled=row.throttled,
            probing=bool(row.tripped) and row.cooling_until <= now,
        )
        for row in rows
    ]


def resting(connection: Connection, providers: Sequence[str], now: int) -> list[Rest] | None:
    """Where every account of these providers rests: when and why, the earliest first.

    None where one of them could take a job as soon as it has a free slot.
    """
    rows = [row for row in _RESTING.rows(connection) if row[0] in providers]
    if any(until <= now for _, _, until, _ in rows):
        return None
    return [Rest(name, until, reason or "") for _, name, until, reason in rows]


def capacity(connection: Connection, providers: Sequence[str]) -> int:
    """How many jobs the accounts of these providers may have together."""
    return sum(
        limits.effective(allowed, max_jobs)
        for provider, allowed, max_jobs in _CAPACITY.rows(connection)
        if provider in providers
    )


_RESTING: Final = Hot(
    select(
        accounts.c.provider, accounts.c.name, accounts.c.cooling_until, accounts.c.cooling_reason
    )
    .where(accounts.c.max_jobs > 0)
    .order_by(accounts.c.cooling_until)
)
_CAPACITY: Final = Hot(
    select(accounts.c.provider, accounts.c.allowed, accounts.c.max_jobs).where(
        accounts.c.max_jobs > 0
    )
)
