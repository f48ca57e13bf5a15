"""The first row of each of many queues that are kept in one index."""

from sqlalchemy import Column, ColumnElement, Select, func, select


def heads(
    key: "Column[str]", time: "Column[int]", where: ColumnElement[bool]
) -> "Select[str, int]":
    """Every value of `key`, and the earliest `time` with it, of the rows `where` that holds.

    Each is two steps into an index on both, however many rows there are between them.
    """
    first = select(func.min(key).label("key")).where(where).cte("keys", recursive=True)
    following = select(func.min(key)).where(where, key > first.c.key).correlate(first)
    keys = first.union_all(select(following.scalar_subquery()).where(first.c.key.is_not(None)))
    earliest = select(func.min(time)).where(where, key == keys.c.key).correlate(keys)
    return select(keys.c.key, earliest.scalar_subquery()).where(keys.c.key.is_not(None))
