"""The gateways that share a database, as they see each other. Times are the database's own."""

from collections.abc import Collection

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from gateway.storage.tables import replicas


class Replica(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway process."""

    id: str
    host: str
    started_at: int
    seen_at: int


def beat(connection: Connection, replica: str, host: str, now: int) -> None:
    """This replica is alive."""
    changed = connection.execute(
        update(replicas).where(replicas.c.id == replica).values(seen_at=now)
    )
    if changed.rowcount == 0:
        connection.execute(
            insert(replicas).values(id=replica, host=host, started_at=now, seen_at=now)
        )


def listed(connection: Connection) -> list[Replica]:
    """All that have not been taken over from, or left."""
    rows = connection.execute(select(replicas).order_by(replicas.c.started_at, replicas.c.id))
    return [
        Replica(id=row.id, host=row.host, started_at=row.started_at, seen_at=row.seen_at)
        for row in rows
    ]


def rebase(connection: Connection, now: int) -> None:
    """Nobody was seen later than now: whoever was is silent from now on."""
    connection.execute(update(replicas).where(replicas.c.seen_at > now).values(seen_at=now))


def forget(connection: Connection, ids: Collection[str]) -> None:
    """Nothing of theirs is left."""
    connection.execute(delete(replicas).where(replicas.c.id.in_(list(ids))))
