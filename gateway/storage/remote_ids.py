"""Which of a provider's jobs are some attempt's of ours already.

A job of the provider's belongs to one attempt at most, and is nobody else's even after that one
was removed: two requests must never be given the same film.
"""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from gateway.storage import ledger
from gateway.storage.tables import attempts, spent


def is_taken(
    connection: Connection, provider: str, remote_id: str, *, by_others_than: str | None = None
) -> bool:
    """Whether this job of the provider's is some attempt's already, or was a removed one's."""
    if is_owned(connection, provider, remote_id, by_others_than=by_others_than):
        return True
    mine = (spent.c.provider == provider) & (spent.c.remote_id == remote_id)
    return connection.execute(select(spent.c.at).where(mine)).first() is not None


def is_owned(
    connection: Connection, provider: str, remote_id: str, *, by_others_than: str | None = None
) -> bool:
    """Whether some attempt that is kept has this id, with whichever of the provider's accounts."""
    mine = attempts.c.id != by_others_than if by_others_than else attempts.c.id.is_not(None)
    found = connection.execute(
        select(attempts.c.id).where(attempts.c.remote_id == remote_id, _at(provider), mine)
    ).first()
    return found is not None


def since(
    connection: Connection, provider: str, start: int, *, but_claims_of: Collection[str] = ()
) -> set[str]:
    """The provider's ids that attempts made since `start` own, or claim, removed ones included.

    Whatever `but_claims_of` claim counts only where it is another's too.
    """
    rows = connection.execute(
        select(attempts.c.id, attempts.c.remote_id, attempts.c.claimed_id).where(
            _at(provider), attempts.c.created_at >= start
        )
    )
    found = {
        name
        for row in rows
        for name in (row.remote_id, None if row.id in but_claims_of else row.claimed_id)
        if name is not None
    }
    removed = select(spent.c.remote_id).where(spent.c.provider == provider, spent.c.at >= start)
    return found.union(connection.execute(removed).scalars())


def retire(connection: Connection, job_id: str, now: int) -> None:
    """Before a job is removed: the ids that its attempts own, or claim, stay nobody else's."""
    for attempt in ledger.of_job(connection, job_id):
        for remote_id in {attempt.remote_id, attempt.claimed_id}:
            if remote_id is not None:
                spend(connection, attempt.provider, remote_id, now)


def spend(connection: Connection, provider: str, remote_id: str, now: int) -> None:
    """This id is of a job that was removed: it is nobody else's."""
    mine = (spent.c.provider == provider) & (spent.c.remote_id == remote_id)
    if connection.execute(select(spent.c.at).where(mine)).first() is None:
        connection.execute(insert(spent).values(provider=provider, remote_id=remote_id, at=now))


def expire(connection: Connection, before: int) -> None:
    """Forget the ids of jobs that were removed before then."""
    connection.execute(delete(spent).where(spent.c.at < before))


def _at(provider: str) -> ColumnElement[bool]:
    """That an attempt was sent to this provider, whatever its account was called."""
    return attempts.c.target.startswith(f"{provider}/", autoescape=True)
