"""The outbox: notices that jobs have ended. A row is due until it is delivered or given up.

It is kept by host, so that a long row of notices for one that hangs is in nobody's way.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    bindparam,
    exists,
    func,
    insert,
    select,
    update,
)

from gateway.model.ids import new_id
from gateway.model.urls import host_of
from gateway.storage.heads import heads
from gateway.storage.hot import Hot
from gateway.storage.tables import deliveries

GLANCE: Final = 100
"""Notices that are looked at to find hosts, before every host is."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A notice to be delivered. `id` is the same on every try, and so is `body` once written."""

    id: str
    job_id: str
    url: str
    body: str | None
    tries: int
    created_at: int


_COLUMNS: Final = tuple(deliveries.c[name] for name in Delivery.__struct_fields__)


def add(connection: Connection, job_id: str, url: str, now: int) -> None:
    """Put a notice into the outbox; due at once."""
    connection.execute(
        insert(deliveries).values(
            id=new_id("msg"),
            job_id=job_id,
            url=url,
            host=host_of(url),
            due_at=now,
            created_at=now,
        )
    )


def take_due(
    connection: Connection,
    now: int,
    *,
    until: int,
    limit: int,
    free: Callable[[str], int],
    replica: str,
) -> list[Delivery]:
    """Notices that are due, of each host as many as are `free`; they come up again at `until`.

    Or earlier, should the `replica` that takes them die. The hosts come by their most overdue.
    """
    names = Delivery.__struct_fields__
    due: list[Delivery] = []

    def take(hosts: Iterable[str]) -> None:
        for host in hosts:
            most = min(free(host), limit - len(due))
            rows = _DUE.rows(connection, host=host, now=now, limit=most) if most > 0 else ()
            due.extend(Delivery(**dict(zip(names, row, strict=True))) for row in rows)

    first = _FIRST.rows(connection, now=now, limit=GLANCE)
    near = dict.fromkeys(host for (host,) in first)
    take(near)
    if len(first) == GLANCE and len(due) < limit:
        # So many of hosts that have no place left: one step for each host there is.
        far = sorted((at, host) for host, at in _HEADS.rows(connection) if at <= now)
        take(host for _, host in far if host not in near)
    if due:
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id.in_([one.id for one in due]))
            .values(due_at=until, taken_at=now, replica=replica)
        )
    return due


def write_body(connection: Connection, delivery_id: str, body: str) -> str | None:
    """Settle what every try will say; what was settled first. None: the notice is gone."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id, deliveries.c.body.is_(None))
        .values(body=body)
    )
    found: str | None = connection.execute(
        select(deliveries.c.body).where(deliveries.c.id == delivery_id)
    ).scalar_one_or_none()
    return found


def tried(connection: Connection, delivery_id: str, tries: int, due_at: int | None) -> bool:
    """Note a try, and when the next one is due (None: there is none); False: it is gone."""
    done = connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id, deliveries.c.due_at.is_not(None))
        .values(tries=tries, due_at=due_at, replica=None)
    )
    return done.rowcount > 0


def pending(job_id: ColumnElement[str]) -> ColumnElement[bool]:
    """That a job has a notice that is neither delivered nor given up."""
    return exists(
        select(deliveries.c.id).where(
            deliveries.c.job_id == job_id, deliveries.c.due_at.is_not(None)
        )
    )


def next_due(connection: Connection, after: int | None = None) -> int | None:
    """When the next notice is due; of those that are so later than `after`, where that is said."""
    found: int | None = _NEXT_DUE.scalar(connection, after=_EVER if after is None else after)
    return found


def release(connection: Connection, replicas: Collection[str], now: int) -> None:
    """Have the notices tried now that one of these replicas took up last; none of them lives."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.replica.in_(list(replicas)), deliveries.c.due_at > now)
        .values(due_at=now, replica=None)
    )


def rebase(connection: Connection, now: int, longest: int) -> None:
    """Let no notice wait for a time that only a clock that was ahead has named.

    What was put off later than now is put off now; what lies beyond the `longest` pause there
    is, is due.
    """
    put_off = func.coalesce(deliveries.c.taken_at, deliveries.c.created_at)
    connection.execute(
        update(deliveries)
        .where(deliveries.c.due_at > now, put_off > now)
        .values(due_at=deliveries.c.due_at - put_off + now, taken_at=now)
    )
    connection.execute(
        update(deliveries).where(deliveries.c.due_at > now + longest).values(due_at=now)
    )


_EVER: Final = -(2**62)
"""Before any time there is."""
_DUE: Final = Hot(
    select(*_COLUMNS)
    .where(deliveries.c.host == bindparam("host"), deliveries.c.due_at <= bindparam("now"))
    .order_by(deliveries.c.due_at)
    .limit(bindparam("limit", type_=Integer))
)
_FIRST: Final = Hot(
    select(deliveries.c.host)
    .where(deliveries.c.due_at <= bindparam("now"))
    .order_by(deliveries.c.due_at)
    .limit(bindparam("limit", type_=Integer))
)
_HEADS: Final = Hot(heads(deliveries.c.host, deliveries.c.due_at, deliveries.c.due_at.is_not(None)))
_NEXT_DUE: Final = Hot(
    select(func.min(deliveries.c.due_at)).where(deliveries.c.due_at > bindparam("after"))
)
