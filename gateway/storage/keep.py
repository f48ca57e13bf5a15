"""Small things that must outlive a restart."""

from sqlalchemy import Connection, insert, select

from gateway.storage.tables import keep


def kept(connection: Connection, name: str, value: str) -> str:
    """The value kept under `name`; `value` becomes it where there is none."""
    found: str | None = connection.execute(
        select(keep.c.value).where(keep.c.name == name)
    ).scalar_one_or_none()
    if found is None:
        connection.execute(insert(keep).values(name=name, value=value))
        return value
    return found
