"""Who needs which kept file. Bytes go when nobody is left who does, and not before.

The last to let go leaves a mark in place of its holding, in the same transaction; `drop`,
in a transaction of its own after that one, removes the bytes and the mark. So a crash
between the two leaves no bytes behind for ever: the next start reads the marks. For the same
reason bytes are marked before they are saved; the first holder takes the mark away.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from gateway.storage.media import MediaStore
from gateway.storage.tables import holdings

DOOMED: Final = "-"
"""Stands where nobody needs the bytes any more; no job and no file has this id."""


def hold(connection: Connection, digest: str, holder: str) -> None:
    """Note that `holder`, a job or a file, needs these bytes. Safe to repeat."""
    if holder != DOOMED:
        _unmark(connection, digest)
    mine = (holdings.c.digest == digest) & (holdings.c.holder == holder)
    if connection.execute(select(holdings.c.holder).where(mine)).first() is None:
        connection.execute(insert(holdings).values(digest=digest, holder=holder))


def mark(connection: Connection, digests: Iterable[str]) -> None:
    """Have bytes that are about to be saved dropped, unless somebody comes to need them."""
    for digest in digests:
        if not held(connection, digest):
            hold(connection, digest, DOOMED)


def held(connection: Connection, digest: str) -> bool:
    """Whether anybody needs these bytes."""
    return (
        connection.execute(
            select(holdings.c.holder).where(
                holdings.c.digest == digest, holdings.c.holder != DOOMED
            )
        ).first()
        is not None
    )


def of(connection: Connection, holder: str) -> list[str]:
    """The digests of all that `holder` needs."""
    return list(
        connection.execute(
            select(holdings.c.digest).where(holdings.c.holder == holder).order_by(holdings.c.digest)
        ).scalars()
    )


def let_go(connection: Connection, holder: str) -> list[str]:
    """`holder` needs nothing any more; what nobody needs then, marked to be dropped."""
    digests = of(connection, holder)
    connection.execute(delete(holdings).where(holdings.c.holder == holder))
    free = [digest for digest in digests if not held(connection, digest)]
    for digest in free:
        hold(connection, digest, DOOMED)
    return free


def doomed(connection: Connection) -> list[str]:
    """What is still to be dropped."""
    return of(connection, DOOMED)


def drop(connection: Connection, store: MediaStore, digests: Iterable[str]) -> None:
    """Remove the bytes that nobody needs. Only for a transaction that nobody else shares.

    Alone it sees what is committed and nothing else: a holding that another function of the
    same transaction had removed might come back. Somebody who is about to need the bytes
    has them pinned.

    Raises:
        OSError: The disk does not let them go; the marks stay.
    """
    for digest in digests:
        if held(connection, digest) or store.drop(digest):
            _unmark(connection, digest)


def _unmark(connection: Connection, digest: str) -> None:
    connection.execute(
        delete(holdings).where(holdings.c.digest == digest, holdings.c.holder == DOOMED)
    )
