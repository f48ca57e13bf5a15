"""What providers keep for us: the references of uploads, so that nothing goes up twice."""

from collections.abc import Collection

from sqlalchemy import Connection, delete, insert, select

from gateway.storage.tables import uploads


def reference(connection: Connection, store: str, digest: str) -> str | None:
    """The reference under which a store already keeps a picture."""
    found: str | None = connection.execute(
        select(uploads.c.reference).where(uploads.c.account == store, uploads.c.digest == digest)
    ).scalar_one_or_none()
    return found


def remember(connection: Connection, store: str, digest: str, made: str, now: int) -> None:
    """Keep an upload's reference, so that no picture goes to a store twice."""
    if reference(connection, store, digest) is None:
        connection.execute(
            insert(uploads).values(account=store, digest=digest, reference=made, created_at=now)
        )


def forget(connection: Connection, store: str, references: Collection[str]) -> None:
    """Upload these pictures again next time: the provider may not know them any more."""
    connection.execute(
        delete(uploads).where(uploads.c.account == store, uploads.c.reference.in_(list(references)))
    )
