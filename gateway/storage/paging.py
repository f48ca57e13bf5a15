"""Lists, a page at a time: in the order of the ids, which is that of their coming."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Column, Connection, RowMapping, Select

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A part of a list, and whether there is more behind it."""

    items: tuple[T, ...]
    has_more: bool


def page(
    connection: Connection,
    query: Select[Any],
    ids: Column[Any],
    read: Callable[[RowMapping], T],
    *,
    after: str | None,
    limit: int,
    ascending: bool,
) -> Page[T]:
    """At most `limit` of the rows behind the id `after`, oldest first or newest first."""
    if after is not None:
        query = query.where(ids > after if ascending else ids < after)
    # One more than is asked for tells whether there are more.
    query = query.order_by(ids if ascending else ids.desc()).limit(limit + 1)
    found = tuple(read(row) for row in connection.execute(query).mappings())
    return Page(found[:limit], len(found) > limit)
