"""SQLite: one file, and one process that has it."""

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from gateway.storage.backend import Dialect
from gateway.storage.errors import BrokenRuleError, StorageError
from gateway.storage.hot import say

SAFE: Final = (3, 51, 3)
"""Older libraries can corrupt a WAL file when two connections write or checkpoint at the
same time. Ours never does (one writer, one process), which is why this is only a warning."""

PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA wal_autocheckpoint=1000",
)


class SQLite:
    """A database in a file.

    Args:
        path: The file; made, with its folder, where it does not exist.
        clock: Microseconds since 1970, UTC; the machine's own time where it is left out.
        readers: How many connections read at once.
        busy_seconds: How long a statement waits for a lock of another program.

    Raises:
        StorageError: Another process has this file, or it cannot be opened.
    """

    dialect: Dialect = "sqlite"

    def __init__(
        self, path: Path, *, clock: Callable[[], int] | None, readers: int, busy_seconds: float
    ) -> None:
        self.name = f"the database {path}"
        self._clock = clock
        self._replica: str | None = None
        self._lock = _lock(path)
        try:
            self.writer = _engine(path, "BEGIN IMMEDIATE", 1, busy_seconds)
            self.reader = _engine(path, "BEGIN", readers, busy_seconds)
            with self.writer.connect():
                pass
        except (DBAPIError, sqlite3.Error) as error:
            os.close(self._lock)
            raise StorageError(f"cannot open the database {path}: {_words(error)}") from None

    @property
    def outdated_library(self) -> str | None:
        """The version of the SQLite library where it is one to warn about."""
        return None if sqlite3.sqlite_version_info >= SAFE else sqlite3.sqlite_version

    @property
    def holds_life(self) -> bool:
        """Whether this process has a name; the file's lock is its own as long as it is open."""
        return self._replica is not None

    def live(self, replica: str) -> None:
        """Give this process its name. The file's lock is held already."""
        self._replica = replica

    def lives(self, _connection: Connection, replica: str) -> bool:
        """Whether that is this process: while it has the file, no other one lives on it."""
        return replica == self._replica

    def time(self, _connection: Connection) -> int:
        """Microseconds since 1970, UTC: there is one process, so its clock is everybody's."""
        return time.time_ns() // 1000 if self._clock is None else self._clock()

    def version(self, _connection: Connection) -> str:
        """Name and version of the library."""
        return f"SQLite {sqlite3.sqlite_version}"

    def faults(self, connection: Connection, *, quick: bool) -> list[str]:
        """What the library's own check finds; `quick` leaves the indexes out."""
        check = "quick_check" if quick else "integrity_check"
        found = connection.exec_driver_sql(f"PRAGMA {check}").scalars().all()
        return [str(one) for one in found if one != "ok"]

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A connection like any other that writes: there is nobody to be held up."""
        with self.writer.connect() as connection:
            yield connection

    def is_whole(self, connection: Connection) -> bool:
        """On some errors (disk full, I/O) SQLite rolls back the whole transaction by itself.

        Then the savepoints before are gone, and those after would be transactions of their own.
        """
        return bool(getattr(connection.connection.dbapi_connection, "in_transaction", False))

    def translated(self, error: Exception) -> Exception:
        """The error as one of ours, in SQLite's words."""
        broken = isinstance(error, IntegrityError | ProgrammingError)
        return (BrokenRuleError if broken else StorageError)(_words(error))

    def may_be_stored(self, _error: Exception) -> bool:
        """A commit that fails is rolled back."""
        return False

    def close(self) -> None:
        """Let the file go."""
        self._replica = None
        self.writer.dispose()
        self.reader.dispose()
        os.close(self._lock)


def _words(error: Exception) -> str:
    return str(error.orig) if isinstance(error, DBAPIError) else str(error)


def _engine(path: Path, begin: str, connections: int, busy_seconds: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        # Without isolation level the driver starts no transactions of its own.
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": busy_seconds},
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,
    )

    def settle(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in PRAGMAS:
            connection.execute(pragma).close()

    def start(connection: Connection) -> None:
        say(connection, begin)

    event.listen(engine, "connect", settle)
    event.listen(engine, "begin", start)
    return engine


def _lock(path: Path) -> int:
    """Hold the file's lock for life: two processes on one file would not know of each other."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(f"cannot open the database {path}: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise StorageError(f"the database {path} is in use by another filmgate process") from error
    return handle
