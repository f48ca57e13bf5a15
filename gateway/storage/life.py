"""Proof that a replica lives: a lock that PostgreSQL takes back when its holder's process ends.

The lock belongs to a connection that does nothing else. It outlasts a process that is
stopped, and not one that is gone; so whose lock is free will never do anything any more,
except where the network between it and the database broke, which its own side finds out
within `TRUSTED` and the database's within its keepalives, later.
"""

import hashlib
import threading
import time
from collections.abc import Callable
from typing import Any, Final, LiteralString

import psycopg
from sqlalchemy import Connection, text

from gateway.storage.elapsed import elapsed
from gateway.storage.errors import StorageError

BEAT: Final = 1.0
"""Seconds between two looks whether the connection is still there, or can be had again."""
TRUSTED: Final = 5.0
"""Seconds after which a lock that nothing was heard of is taken to be lost."""
WAIT: Final = 5.0
"""Seconds to wait at the start for a lock that somebody else holds."""

_TAKE: Final[LiteralString] = "SELECT pg_try_advisory_lock(%s)"

# A lock on one bigint is shown as its two halves, and by `objsubid` told from one on two.
_HELD: Final = text(
    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND ((classid::bigint << 32) | objid::bigint) = :key)"
)


def lives(connection: Connection, replica: str) -> bool:
    """Whether anybody holds the lock of this replica now."""
    return bool(connection.execute(_HELD, {"key": _key(replica)}).scalar_one())


class Life:
    """The lock of one replica, and the thread that keeps it.

    Args:
        replica: The name it is derived from.
        connect: Opens a connection.

    Raises:
        StorageError: Somebody else holds it.
        psycopg.Error: The database is away.
    """

    def __init__(self, replica: str, connect: Callable[[], psycopg.Connection[Any]]) -> None:
        self._key = _key(replica)
        self._connect = connect
        self._connection: psycopg.Connection[Any] | None = None
        self._heard = float("-inf")
        self._over = threading.Event()
        patience = elapsed() + WAIT
        while not self._take():
            if elapsed() > patience:
                raise StorageError(f"another process lives as replica {replica}")
            time.sleep(BEAT / 10)
        self._thread = threading.Thread(target=self._keep, name="filmgate-life", daemon=True)
        self._thread.start()

    @property
    def held(self) -> bool:
        """Whether it is held, as far as is known here.

        Time that passes unheard counts against it, so a process that was stopped for long
        finds it lost until it has looked.
        """
        return elapsed() - self._heard < TRUSTED

    def close(self) -> None:
        """Let it go."""
        self._over.set()
        self._thread.join(TRUSTED)

    def _keep(self) -> None:
        while not self._over.wait(BEAT):
            try:
                if self._connection is None:
                    self._take()
                else:
                    self._look(self._connection)
            except Exception:  # noqa: BLE001 - a thread that ends would never take it again
                self._lose()
        self._lose()

    def _take(self) -> bool:
        connection = self._connect()
        asked = elapsed()
        try:
            row = connection.execute(_TAKE, [self._key]).fetchone()
        except psycopg.Error:
            connection.close()
            raise
        if row is None or not row[0]:
            connection.close()
            return False
        self._connection, self._heard = connection, asked
        return True

    def _look(self, connection: psycopg.Connection[Any]) -> None:
        """While the connection is there, so is the lock."""
        asked = elapsed()
        connection.execute("SELECT 1")
        self._heard = asked

    def _lose(self) -> None:
        self._heard = float("-inf")
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _key(replica: str) -> int:
    digest = hashlib.sha256(replica.encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
