"""Who needs which kept file. Bytes go when nobody is left who does, and not before.

The last to let go leaves a mark in place of its holding, in the same transaction; `drop`,
in a transaction of its own after that one, removes the bytes and the mark. So a crash
between the two leaves no bytes behind for ever: the next start reads the marks. For the same
reason bytes are marked before they are saved; the first holder takes the mark away.

Where several replicas keep their files in one folder, none knows what the others are about
to need. There a mark has to grow old before its bytes go: `ripe` notes when it first saw
one, and whoever is about to save the same bytes makes the mark new again.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, insert, select, update

from gateway.model.clock import SECOND
from gateway.storage.hot import Hot
from gateway.storage.media import MediaStore
from gateway.storage.tables import holdings

RIPE: Final = 3600 * SECOND
"""Longer than anything takes from saving bytes to the row that needs them."""
DOOMED: Final = "-"
"""Stands where nobody needs the bytes any more; no job and no file has this id."""

_ROW: Final = and_(
    holdings.c.digest == bindparam("digest"), holdings.c.holder == bindparam("holder")
)
_HOLDS: Final = Hot(select(holdings.c.holder).where(_ROW))
_HOLD: Final = Hot(insert(holdings), columns=["digest", "holder"])
_UNMARK: Final = Hot(delete(holdings).where(_ROW))


def hold(connection: Connection, digest: str, holder: str) -> None:
    """Note that `holder`, a job or a file, needs these bytes. Safe to repeat."""
    if holder != DOOMED:
        _unmark(connection, digest)
    if _HOLDS.first(connection, digest=digest, holder=holder) is None:
        _HOLD.write(connection, digest=digest, holder=holder)


def mark(connection: Connection, digests: Iterable[str]) -> None:
    """Have bytes that are about to be saved dropped, unless somebody comes to need them."""
    for digest in digests:
        if not held(connection, digest):
            hold(connection, digest, DOOMED)
            connection.execute(update(holdings).where(_mark_of(digest)).values(at=0))


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


def ripe(connection: Connection, now: int, before: int) -> list[str]:
    """What was marked before then, and nobody can be about to need any more; see `RIPE`."""
    marks = holdings.c.holder == DOOMED
    connection.execute(update(holdings).where(marks, holdings.c.at == 0).values(at=now))
    return list(
        connection.execute(select(holdings.c.digest).where(marks, holdings.c.at < before)).scalars()
    )


def drop(
    connection: Connection,
    store: MediaStore,
    digests: Iterable[str],
    before: int | None = None,
) -> None:
    """Remove the bytes that nobody needs. Only for a transaction that nobody else shares.

    With `before`, only where the mark was first seen before then.

    Alone it sees what is committed and nothing else: a holding that another function of the
    same transaction had removed might come back. Somebody who is about to need the bytes
    has them pinned.

    Raises:
        OSError: The disk does not let them go; the marks stay.
    """
    for digest in digests:
        if before is not None and not _seen_before(connection, digest, before):
            continue
        if held(connection, digest) or store.drop(digest):
            _unmark(connection, digest)


def _seen_before(connection: Connection, digest: str, before: int) -> bool:
    at = connection.execute(select(holdings.c.at).where(_mark_of(digest))).scalar_one_or_none()
    return at is not None and 0 < at < before


def _unmark(connection: Connection, digest: str) -> None:
    _UNMARK.write(connection, digest=digest, holder=DOOMED)


def _mark_of(digest: str) -> ColumnElement[bool]:
    return and_(holdings.c.digest == digest, holdings.c.holder == DOOMED)
