"""One SQLite file, one writer.

Every write is a function of a connection, run on the writer's thread. Functions that are
waiting together share one transaction (*group commit*): each runs inside its own
savepoint, so one that fails takes nothing of the others with it, and all are answered
only after the commit, which with `synchronous=FULL` is after the disk has it. One that acts
on more than the database asks to be `alone`, and sees what is committed, nothing else.
"""

import asyncio
import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

T = TypeVar("T")

BUSY_SECONDS: Final = 5.0
"""How long a statement waits for a lock of another program, such as a backup."""
GROUP: Final = 256
READERS: Final = 4
SAFE_SQLITE: Final = (3, 51, 3)
"""Older libraries can corrupt a WAL file when two connections write or checkpoint at the
same time. Ours never does (one writer, one process), which is why this is only a warning."""

PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
)


class StorageError(Exception):
    """The database cannot do it now (full, locked, damaged, closed); nothing is stored.

    The same write may succeed later.
    """


class BrokenRuleError(Exception):
    """A statement broke a rule of the schema: a bug of ours, which no repetition mends."""


class _Work(NamedTuple):
    run: Callable[[Connection], Any]
    done: Future[Any]
    alone: bool


class Database:
    """The gateway's database, open.

    Args:
        path: The SQLite file; made, with its folder, where it does not exist.

    Raises:
        StorageError: Another process has this file, or it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = _lock(path)
        try:
            self._writer = _engine(path, "BEGIN IMMEDIATE")
            self._reader = _engine(path, "BEGIN")
            with self._writer.connect():
                pass
        except (DBAPIError, sqlite3.Error) as error:
            os.close(self._lock)
            raise StorageError(f"cannot open the database {path}: {_words(error)}") from error
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="filmgate-read")
        self._thread = threading.Thread(target=self._write_all, name="filmgate-write", daemon=True)
        self._thread.start()
        self._closed = False

    @property
    def outdated_library(self) -> str | None:
        """The version of the SQLite library where it is one to warn about."""
        found = sqlite3.sqlite_version_info
        return None if found >= SAFE_SQLITE else sqlite3.sqlite_version

    def migrate(self) -> None:
        """Bring the tables to the newest revision. Blocking; for start-up.

        Raises:
            StorageError: The file cannot be written, or holds something else.
        """
        from alembic.util.exc import CommandError as AlembicError  # noqa: PLC0415

        from gateway.storage.migrations import upgrade  # noqa: PLC0415 - Alembic is slow to import

        try:
            with self._writer.connect() as connection:
                upgrade(connection)
                connection.commit()
        except (DBAPIError, sqlite3.Error, AlembicError) as error:
            raise StorageError(
                f"cannot prepare the tables in {self.path}: {_words(error)}"
            ) from error

    async def write(self, run: Callable[[Connection], T], *, alone: bool = False) -> T:
        """Run one transaction; returns after it is on disk. `alone` shares it with nobody.

        Raises:
            StorageError: It is not stored, and may be later.
            BrokenRuleError: It is not stored, and never will be.
        """
        done: Future[T] = Future()
        if self._closed:
            raise StorageError("the database is closed")
        # From here on nobody can cancel it, or the writer would answer to a dead future.
        done.set_running_or_notify_cancel()
        self._queue.put(_Work(run, done, alone))
        # Shielded: giving up waiting must not make a stored write look like one that is not.
        return await asyncio.shield(asyncio.wrap_future(done))

    def afterwards(self, run: Callable[[], None]) -> None:
        """Call `run` once all that is queued now is stored, or has failed; it may be at once."""
        if self._closed:
            run()
            return
        done: Future[None] = Future()
        done.set_running_or_notify_cancel()
        done.add_done_callback(lambda _: run())
        self._queue.put(_Work(lambda _: None, done, alone=True))

    async def read(self, run: Callable[[Connection], T]) -> T:
        """Run statements that change nothing, on a connection of their own.

        Raises:
            StorageError: The database could not be read.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, run)

    def close(self) -> None:
        """Finish what is queued, then let the file go. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        self._thread.join()
        self._readers.shutdown()
        self._writer.dispose()
        self._reader.dispose()
        os.close(self._lock)

    def _read(self, run: Callable[[Connection], T]) -> T:
        try:
            with self._reader.connect() as connection:
                return run(connection)
        except (DBAPIError, sqlite3.Error) as error:
            raise _translated(error) from error

    def _write_all(self) -> None:
        left: list[_Work | None] = []
        while True:
            work = left.pop() if left else self._queue.get()
            if work is None:
                return
            group = [work]
            while not work.alone and len(group) < GROUP:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if following is None or following.alone:
                    left.append(following)
                    break
                group.append(following)
            self._write_group(group)

    def _write_group(self, group: list[_Work]) -> None:
        answers: list[tuple[Future[Any], Any]] = []
        try:
            with self._writer.connect() as connection:
                # Here, and not at the first savepoint: a file that is locked fails the group.
                connection.begin()
                for work in group:
                    try:
                        with connection.begin_nested():
                            answer = work.run(connection)
                        answers.append((work.done, answer))
                    except (DBAPIError, sqlite3.Error) as error:
                        work.done.set_exception(_translated(error))
                    except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
                        work.done.set_exception(error)
                    _still_open(connection)
                connection.commit()
        except Exception as error:  # noqa: BLE001 - the writer must outlive any of them
            for work in group:
                if not work.done.done():
                    told = error if isinstance(error, StorageError) else _translated(error)
                    work.done.set_exception(told)
            return
        for done, answer in answers:
            done.set_result(answer)


def _still_open(connection: Connection) -> None:
    """On some errors (disk full, I/O) SQLite rolls back the whole transaction by itself.

    Then the savepoints before are gone, and those after would be transactions of their own.

    Raises:
        StorageError: That has happened: nothing of the group is stored.
    """
    if not getattr(connection.connection.dbapi_connection, "in_transaction", False):
        raise StorageError("the database rolled the transaction back")


def _translated(error: Exception) -> Exception:
    kind = BrokenRuleError if isinstance(error, IntegrityError | ProgrammingError) else StorageError
    failure = kind(_words(error))
    failure.__cause__ = error
    return failure


def _words(error: Exception) -> str:
    """What SQLite said, without the statement and its values."""
    return str(error.orig) if isinstance(error, DBAPIError) else str(error)


def _engine(path: Path, begin: str) -> Engine:
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        # Without isolation level the driver starts no transactions of its own.
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": BUSY_SECONDS},
        pool_size=READERS,
        max_overflow=0,
    )

    def settle(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in PRAGMAS:
            connection.execute(pragma).close()

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

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
