"""How long providers take, learned from the videos they made."""

from typing import Final

from sqlalchemy import Connection, bindparam, insert, select, update

from gateway.model.eta import Estimate
from gateway.storage.hot import Hot
from gateway.storage.tables import durations


def get(connection: Connection, kind: str) -> Estimate | None:
    """What is known of this kind of video."""
    row = _GET.first(connection, kind=kind)
    if row is None:
        return None
    count, mean, spread = row
    return Estimate(count=count, mean=mean, spread=spread)


def put(connection: Connection, kind: str, estimate: Estimate) -> None:
    """Store what is known by now."""
    values = {"count": estimate.count, "mean": estimate.mean, "spread": estimate.spread}
    changed = connection.execute(update(durations).where(durations.c.kind == kind).values(**values))
    if changed.rowcount == 0:
        connection.execute(insert(durations).values(kind=kind, **values))


_GET: Final = Hot(
    select(durations.c.count, durations.c.mean, durations.c.spread).where(
        durations.c.kind == bindparam("kind")
    )
)
