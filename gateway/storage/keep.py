"""Small things that must outlive a restart."""

from sqlalchemy import Connection, insert, select, update

from gateway.storage.tables import keep


def kept(connection: Connection, name: str, value: str) -> str:
    """The value kept under `name`; `value` becomes it where there is none."""
    there = found(connection, name)
    if there is None:
        put(connection, name, value)
        return value
    return there


def found(connection: Connection, name: str) -> str | None:
    """The value kept under `name`, if any."""
    value: str | None = connection.execute(
        select(keep.c.value).where(keep.c.name == name)
    ).scalar_one_or_none()
    return value


def put(connection: Connection, name: str, value: str) -> None:
    """Keep `value` under `name` from now on."""
    changed = connection.execute(update(keep).where(keep.c.name == name).values(value=value))
    if changed.rowcount == 0:
        connection.execute(insert(keep).values(name=name, value=value))
