"""How much of the slots each owner had; `routing.shares` says what follows from it."""

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select, update

from gateway.storage.hot import Hot
from gateway.storage.tables import shares


def used(connection: Connection, owners: Collection[str]) -> dict[str, int]:
    """What these owners have used; those that never had a slot are missing."""
    found = (_USED.first(connection, owner=owner) for owner in owners)
    return {row[0]: row[1] for row in found if row is not None}


def write(connection: Connection, changed: Mapping[str, int]) -> None:
    """Store what owners have used by now."""
    for owner, value in changed.items():
        done = connection.execute(update(shares).where(shares.c.owner == owner).values(used=value))
        if done.rowcount == 0:
            connection.execute(insert(shares).values(owner=owner, used=value))


_USED: Final = Hot(
    select(shares.c.owner, shares.c.used).where(shares.c.owner == bindparam("owner"))
)
