"""Statements about uploaded files."""

from typing import Final

import msgspec
from sqlalchemy import Connection, delete, insert, select

from gateway.model.files import StoredFile
from gateway.storage import holdings, paging
from gateway.storage.paging import Page
from gateway.storage.tables import files

_COLUMNS: Final = tuple(files.c[name] for name in StoredFile.__struct_fields__)


def insert_file(connection: Connection, file: StoredFile) -> None:
    """Store a new file, which needs its bytes from now on."""
    connection.execute(insert(files).values(**msgspec.structs.asdict(file)))
    holdings.hold(connection, file.digest, file.id)


def get(connection: Connection, owner: str, file_id: str) -> StoredFile | None:
    """The owner's file, or None; another's is as unknown as one that never was."""
    row = (
        connection.execute(select(*_COLUMNS).where(files.c.id == file_id, files.c.owner == owner))
        .mappings()
        .first()
    )
    return None if row is None else StoredFile(**row)


def page(
    connection: Connection, owner: str, *, after: str | None, limit: int, ascending: bool
) -> Page[StoredFile]:
    """The owner's files in the order they came, or the other way round, behind `after`."""
    query = select(*_COLUMNS).where(files.c.owner == owner)
    return paging.page(
        connection,
        query,
        files.c.id,
        lambda row: StoredFile(**row),
        after=after,
        limit=limit,
        ascending=ascending,
    )


def remove(connection: Connection, owner: str, file_id: str) -> list[str] | None:
    """Remove a file; the digests that nobody needs any more, None where there is no such file."""
    gone = connection.execute(delete(files).where(files.c.id == file_id, files.c.owner == owner))
    return holdings.let_go(connection, file_id) if gone.rowcount else None
