"""One database, one writer in each process.

Every write is a function of a connection, run on the writer's thread. Functions that are
waiting together share one transaction (*group commit*): each runs inside its own
savepoint, so one that fails takes nothing of the others with it, and all are answered
only after the commit, which is after the disk has it. One that acts on more than the
database asks to be `alone`, and sees what is committed, nothing else.

Transactions that write come one after the other, whatever the database and however many
replicas: what a function has read holds until it is committed.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gateway.storage.backend import Backend, Dialect
from gateway.storage.errors import BrokenRuleError, StorageError, UncertainError
from gateway.storage.groups import Asking, Told, Work, grouped, tell
from gateway.storage.hot import say
from gateway.storage.sqlite import SQLite

__all__ = ["BrokenRuleError", "Database", "StorageError", "UncertainError"]

T = TypeVar("T")

BUSY_SECONDS: Final = 5.0
"""How long a statement waits for somebody else's lock."""
GROUP: Final = 256
CLOSED: Final = "the database is closed"
LOST: Final = "the database rolled the transaction back"
READERS: Final = 4
READ_GROUP: Final = 16

SQLITE: Final = "sqlite:///"
POSTGRESQL: Final = ("postgresql://", "postgres://")


class Database:
    """The gateway's database, open.

    Args:
        where: `sqlite:///path` or the path itself, made where it does not exist; or
            `postgresql://user:password@host/name`, as libpq reads it.
        clock: Microseconds since 1970, UTC: the time of a database that has none of its own.

    Raises:
        StorageError: It cannot be opened: not there, in use by another process, no driver.
    """

    def __init__(self, where: str | Path, *, clock: Callable[[], int] | None = None) -> None:
        self._backend = _opened(where, clock)
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._reads: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._lock = threading.RLock()
        self._gathered: dict[asyncio.AbstractEventLoop, list[tuple[Asking, Work]]] = {}
        self._threads = [
            threading.Thread(target=self._write_all, name="filmgate-write", daemon=True),
            *(
                threading.Thread(target=self._read_all, name=f"filmgate-read-{n}", daemon=True)
                for n in range(READERS)
            ),
        ]
        for thread in self._threads:
            thread.start()
        self._closed = False

    @property
    def dialect(self) -> Dialect:
        """Which kind of database it is."""
        return self._backend.dialect

    @property
    def name(self) -> str:
        """What to call it before people; holds no password."""
        return self._backend.name

    @property
    def outdated_library(self) -> str | None:
        """The version of the SQLite library where it is one to warn about."""
        return self._backend.outdated_library

    @property
    def holds_life(self) -> bool:
        """Whether our own proof of life is held, as far as we know; asks nobody.

        False before `live` and while a lost one is not taken again: others may think that we
        are dead, so nothing may be begun that only the dead have stopped doing.
        """
        return self._backend.holds_life

    def live(self, replica: str) -> None:
        """Hold the proof that `replica`, this process, lives, until `close`. Blocking.

        It goes with the process, however that ends, and not while it is merely stopped. One
        that is lost with its connection is taken again by itself.

        Raises:
            StorageError: Another process lives under this name, or the database is away.
        """
        self._backend.live(replica)

    def lives(self, connection: Connection, replica: str) -> bool:
        """Whether the replica of this name is alive now."""
        return self._backend.lives(connection, replica)

    def time(self, connection: Connection) -> int:
        """Microseconds since 1970, UTC, by the one clock that all replicas share."""
        return self._backend.time(connection)

    def version(self, connection: Connection) -> str:
        """Name and version of the database engine."""
        return self._backend.version(connection)

    def faults(self, connection: Connection, *, quick: bool = False) -> list[str]:
        """What is damaged, as far as the engine can find it out; `quick` looks less closely."""
        return self._backend.faults(connection, quick=quick)

    def revision(self) -> tuple[str | None, str]:
        """The schema's revision, None where there are no tables yet, and the newest. Blocking.

        Raises:
            StorageError: The database could not be read.
        """
        from gateway.storage.migrations import found, newest  # noqa: PLC0415 - slow to import

        try:
            with self._backend.reader.connect() as connection:
                return found(connection), newest()
        except SQLAlchemyError as error:
            raise self._told(error) from None

    def migrate(self) -> None:
        """Bring the tables to the newest revision. Blocking; for start-up.

        Replicas that start together do it one after the other, so once.

        Raises:
            StorageError: It cannot be written, holds something else, or is of a newer version.
        """
        from alembic.util.exc import CommandError  # noqa: PLC0415 - slow to import

        from gateway.storage.migrations import found, is_known, newest, upgrade  # noqa: PLC0415

        try:
            with self._backend.migrating() as connection:
                revision = found(connection)
                if revision is not None and not is_known(revision):
                    raise StorageError(
                        f"{self.name} was made by a newer version of filmgate: it is at revision "
                        f"{revision}, and this version knows none after {newest()}"
                    )
                upgrade(connection)
                connection.commit()
        except CommandError as error:
            raise StorageError(f"cannot prepare the tables in {self.name}: {error}") from error
        except SQLAlchemyError as error:
            told = self._backend.translated(error)
            raise StorageError(f"cannot prepare the tables in {self.name}: {told}") from None

    async def write(self, run: Callable[[Connection], T], *, alone: bool = False) -> T:
        """Run one transaction; returns after it is on disk. `alone` shares it with nobody.

        Raises:
            StorageError: It is not stored, and may be later.
            UncertainError: It may be stored: the database went away during the commit.
            BrokenRuleError: It is not stored, and never will be.
        """
        # Giving up waiting for it does not stop it.
        return await self._asked(self._queue, run, alone=alone)

    def afterwards(self, run: Callable[[], None]) -> None:
        """Call `run` once all that is queued now is stored, or has failed; it may be at once."""
        if self._closed:
            run()
            return
        self._hand_over()
        self._queue.put(Work(lambda _: None, alone=True, then=run))

    async def read(self, run: Callable[[Connection], T]) -> T:
        """Run statements that change nothing; they see the database as it is at one moment.

        Raises:
            StorageError: The database could not be read.
        """
        return await self._asked(self._reads, run)

    def close(self) -> None:
        """Finish what is queued, then let the database go. Safe to call twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._hand_over()
            self._queue.put(None)
            for _ in range(READERS):
                self._reads.put(None)
        for thread in self._threads:
            thread.join()
        self._backend.close()

    async def _asked(
        self,
        asking: Asking,
        run: Callable[[Connection], T],
        *,
        alone: bool = False,
    ) -> T:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        with self._lock:
            if self._closed:
                raise StorageError(CLOSED)
            gathered = self._gathered.setdefault(loop, [])
            gathered.append((asking, Work(run, done, alone)))
        # All that is asked for in one round of the loop goes over at its end: a thread that
        # wakes earlier would only get in the way of those who are about to ask.
        if len(gathered) == 1:
            loop.call_soon(self._hand_over)
        return await done

    def _hand_over(self) -> None:
        with self._lock:
            for asking, work in chain.from_iterable(self._gathered.values()):
                asking.put(work)
            self._gathered.clear()

    def _read_all(self) -> None:
        while (work := self._reads.get()) is not None:
            group, left = grouped(self._reads, work, READ_GROUP)
            told: list[Told] = []
            while len(told) < len(group):
                told += self._read_group(group[len(told) :])
            tell(told)
            if left:
                return

    def _read_group(self, group: Sequence[Work]) -> list[Told]:
        """The answers up to the first that the database would not give; at least to one."""
        told: list[Told] = []
        try:
            with self._backend.reader.connect() as connection:
                for work in group:
                    told.append(self._ran(connection, work, work.run))
                    if isinstance(told[-1].error, StorageError | BrokenRuleError):
                        break
        except Exception as error:  # noqa: BLE001 - a reader must outlive any of them
            told += [Told(work, error=self._told(error)) for work in group[len(told) :]]
        return told

    def _write_all(self) -> None:
        left: list[Work | None] = []
        while True:
            work = left.pop() if left else self._queue.get()
            if work is None:
                return
            group, left = grouped(self._queue, work, GROUP)
            tell(self._write_group(group))

    def _write_group(self, group: Sequence[Work]) -> list[Told]:
        """What became of each, after the commit."""
        told: list[Told] = []
        try:
            with self._backend.writer.connect() as connection:
                # Here, and not at the first savepoint: a database that is locked fails the group.
                connection.begin()
                for work in group:
                    # One that shares with nobody has the whole transaction to lose.
                    run = work.run if len(group) == 1 else partial(_part, run=work.run)
                    told.append(self._ran(connection, work, run))
                    self._check_whole(connection)
                if not all(one.error for one in told):
                    self._commit(connection)
        except Exception as error:  # noqa: BLE001 - the writer must outlive any of them
            lost = self._told(error)
            failed = [one for one in told if one.error is not None]
            done = {id(one.work) for one in failed}
            return failed + [Told(work, error=lost) for work in group if id(work) not in done]
        return told

    def _check_whole(self, connection: Connection) -> None:
        if not self._backend.is_whole(connection):
            raise StorageError(LOST)

    def _ran(self, connection: Connection, work: Work, run: Callable[[Connection], Any]) -> Told:
        try:
            return Told(work, run(connection))
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
            return Told(work, error=self._told(error))

    def _commit(self, connection: Connection) -> None:
        try:
            connection.commit()
        except SQLAlchemyError as error:
            if self._backend.may_be_stored(error):
                told = self._backend.translated(error)
                raise UncertainError(f"whether it is stored is unknown: {told}") from None
            raise

    def _told(self, error: Exception) -> Exception:
        """The error as one of ours; whatever is not the database's stays as it is.

        The words of the driver's own hold statements and values, so it does not go along.
        """
        if not isinstance(error, SQLAlchemyError):
            return error
        return self._backend.translated(error).with_traceback(error.__traceback__)


def _part(connection: Connection, run: Callable[[Connection], T]) -> T:
    """Run one of a group, which takes nothing of the others with it when it fails."""
    say(connection, "SAVEPOINT part")
    try:
        answer = run(connection)
        say(connection, "RELEASE SAVEPOINT part")
    except Exception:
        try:
            say(connection, "ROLLBACK TO SAVEPOINT part")
            say(connection, "RELEASE SAVEPOINT part")
        except SQLAlchemyError:
            # What it did cannot be taken back alone, so nothing of the group may stay.
            connection.rollback()
        raise
    return answer


def _opened(where: str | Path, clock: Callable[[], int] | None) -> Backend:
    url = str(where)
    if not url.startswith(POSTGRESQL):
        path = where if isinstance(where, Path) else Path(url.removeprefix(SQLITE))
        return SQLite(path, clock=clock, readers=READERS, busy_seconds=BUSY_SECONDS)
    try:
        import psycopg  # noqa: F401, PLC0415 - an extra
    except ImportError:
        raise StorageError(
            "PostgreSQL needs the extra `postgres`: pip install 'filmgate[postgres]'"
        ) from None
    from gateway.storage.postgres import PostgreSQL  # noqa: PLC0415 - imports the extra

    return PostgreSQL(url, readers=READERS, busy_seconds=BUSY_SECONDS)
