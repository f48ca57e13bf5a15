"""Jobs at providers that were paid for and whose film no caller gets."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec
from sqlalchemy import (
    Connection,
    Integer,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from gateway.model.ids import new_id
from gateway.storage import paging
from gateway.storage.hot import Hot
from gateway.storage.paging import Page
from gateway.storage.tables import accounts, orphans


class Reason(StrEnum):
    """How a job at a provider came to have no caller."""

    DOUBLE = "charged_twice"
    """The provider made more than one job of one submission."""
    REVIVED = "was_taken_as_not_made"
    """Its attempt was given up as never made, and another one was sent in its place."""
    CANCELED = "canceled"
    """It was canceled when it could not be taken back any more."""
    ABANDONED = "given_up"
    """An operator gave its job up, or had it made again."""


class Orphan(msgspec.Struct, frozen=True, kw_only=True):
    """One of them. `url` leads to the film for as long as the provider keeps it.

    One with a `due_at` was only heard of: it is looked at then, and shown once it was seen.
    `id` is its place in the list: `add` gives it, and another one when it is seen.
    """

    account: str
    remote_id: str
    job_id: str
    attempt_id: str
    reason: Reason
    detail: str
    url: str | None
    found_at: int
    due_at: int | None = None
    id: str = ""


def add(connection: Connection, orphan: Orphan) -> bool:
    """Note one; False where it is known already. A link that is new is kept."""
    mine = (orphans.c.account == orphan.account) & (orphans.c.remote_id == orphan.remote_id)
    values = msgspec.to_builtins(orphan) | {"id": new_id("orphan")}
    known = connection.execute(select(orphans.c.due_at).where(mine)).first()
    if known is None:
        connection.execute(insert(orphans).values(**values))
        return True
    if known.due_at is not None and orphan.due_at is None:
        connection.execute(update(orphans).where(mine).values(**values))
        return True
    if orphan.url is not None:
        connection.execute(update(orphans).where(mine).values(url=orphan.url))
    return False


def forget(connection: Connection, provider: str, remote_id: str) -> None:
    """It has a caller after all, with whichever of the provider's accounts it was seen."""
    names = select(accounts.c.name).where(accounts.c.provider == provider)
    connection.execute(
        delete(orphans).where(orphans.c.remote_id == remote_id, orphans.c.account.in_(names))
    )


def take_due(connection: Connection, now: int, until: int, limit: int) -> list[Orphan]:
    """Those that were only heard of and are to be looked at; they come up again at `until`."""
    due = [_read(row) for row in _DUE.rows(connection, now=now, limit=limit)]
    for one in due:
        look_again(connection, one, until)
    return due


def look_again(connection: Connection, orphan: Orphan, due_at: int) -> None:
    """Set when one that was only heard of is looked at next."""
    connection.execute(
        update(orphans)
        .where(orphans.c.account == orphan.account, orphans.c.remote_id == orphan.remote_id)
        .where(orphans.c.due_at.is_not(None))
        .values(due_at=due_at)
    )


def next_due(connection: Connection) -> int | None:
    """When the next one is looked at that was only heard of."""
    found: int | None = _NEXT_DUE.scalar(connection)
    return found


def rebase(connection: Connection, latest: int) -> None:
    """Have none that was only heard of wait beyond `latest`."""
    connection.execute(update(orphans).where(orphans.c.due_at > latest).values(due_at=latest))


def drop(connection: Connection, orphan: Orphan) -> None:
    """It was only heard of, and is not there, or has a caller."""
    connection.execute(
        delete(orphans)
        .where(orphans.c.account == orphan.account, orphans.c.remote_id == orphan.remote_id)
        .where(orphans.c.due_at.is_not(None))
    )


def counts(connection: Connection) -> dict[Reason, int]:
    """How many were seen, for each reason."""
    rows = connection.execute(
        select(orphans.c.reason, func.count())
        .where(orphans.c.due_at.is_(None))
        .group_by(orphans.c.reason)
    )
    return dict.fromkeys(Reason, 0) | {Reason(reason): count for reason, count in rows}


def page(
    connection: Connection,
    job_id: str | None = None,
    *,
    after: str | None = None,
    limit: int,
    ascending: bool = False,
) -> Page[Orphan]:
    """Those that were seen, as they came, or the other way round; of one job where it is named."""
    query = select(*_COLUMNS).where(orphans.c.due_at.is_(None))
    if job_id is not None:
        query = query.where(orphans.c.job_id == job_id)
    return paging.page(
        connection,
        query,
        orphans.c.id,
        lambda row: _read(tuple(row.values())),
        after=after,
        limit=limit,
        ascending=ascending,
    )


def _read(row: Sequence[Any]) -> Orphan:
    return msgspec.convert(dict(zip(Orphan.__struct_fields__, row, strict=True)), Orphan)


_COLUMNS: Final = tuple(orphans.c[name] for name in Orphan.__struct_fields__)
_DUE: Final = Hot(
    select(*_COLUMNS)
    .where(orphans.c.due_at <= bindparam("now"))
    .order_by(orphans.c.due_at)
    .limit(bindparam("limit", type_=Integer))
)
_NEXT_DUE: Final = Hot(select(func.min(orphans.c.due_at)).where(orphans.c.due_at.is_not(None)))
