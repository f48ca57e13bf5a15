"""Requests that came before: by the key a caller gave, or by the same body a moment ago."""

from typing import Final, NamedTuple

from sqlalchemy import Connection, bindparam, insert, select

from gateway.storage.hot import Hot
from gateway.storage.tables import idempotency, jobs


class Earlier(NamedTuple):
    """The request that a key was first used for."""

    fingerprint: str
    job_id: str


def by_key(connection: Connection, owner: str, key: str) -> Earlier | None:
    """The request that this owner first used the key for."""
    row = _BY_KEY.first(connection, owner=owner, key=key)
    return None if row is None else Earlier(*row)


def bind(connection: Connection, owner: str, key: str, fingerprint: str, job_id: str) -> None:
    """The key belongs to this job from now on."""
    connection.execute(
        insert(idempotency).values(owner=owner, key=key, fingerprint=fingerprint, job_id=job_id)
    )


def by_body(
    connection: Connection, owner: str, fingerprint: str, since: int, *, retried: bool = False
) -> str | None:
    """The newest job of this owner with the same body since then.

    With `retried`, only one whose request said of itself that it was a second try.
    """
    found: str | None = _BY_BODY[retried].scalar(
        connection, owner=owner, fingerprint=fingerprint, since=since
    )
    return found


_BY_KEY: Final = Hot(
    select(idempotency.c.fingerprint, idempotency.c.job_id).where(
        idempotency.c.owner == bindparam("owner"), idempotency.c.key == bindparam("key")
    )
)
_SAME: Final = select(jobs.c.id).where(
    jobs.c.owner == bindparam("owner"),
    jobs.c.fingerprint == bindparam("fingerprint"),
    jobs.c.created_at >= bindparam("since"),
)
_BY_BODY: Final = {
    retried: Hot(query.order_by(jobs.c.created_at.desc()).limit(1))
    for retried, query in {False: _SAME, True: _SAME.where(jobs.c.retried == 1)}.items()
}
