"""The database of a history: what outlives the processes, and how each of them gets at it.

`Disk` is the server or the file; `SimDatabase` stands in for `gateway.storage.Database` in one
process, with the same groups, savepoints, errors and proofs of life, on the loop of the history
instead of threads.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol, TypeVar, cast
from weakref import finalize

from sqlalchemy import Connection as RealConnection
from sqlalchemy.exc import DBAPIError

from gateway.model.clock import SECOND
from gateway.model.ids import digest
from gateway.model.phases import HOLDS_SLOT
from gateway.storage import BrokenRuleError, Database, StorageError, UncertainError
from gateway.storage.backend import Dialect
from gateway.storage.database import GROUP
from gateway.storage.life import BEAT, TRUSTED
from gateway.storage.states import IN_FLIGHT
from mockserver.engine.jobs import Job as MockJob
from tests.simulation.loop import Process, SimLoop
from tests.simulation.statements import Connection, fresh

T = TypeVar("T")

_NAMES: Final = {"FLYING": IN_FLIGHT, "HOLDING": HOLDS_SLOT}


def _query(text: str) -> str:
    """Some SQL with the states and phases that are meant by a name in it."""
    for name, members in _NAMES.items():
        text = text.replace(name, ", ".join(f"'{one}'" for one in sorted(members)))
    return text


RULES: Final = {
    "a slot is taken by an attempt that is not in flight": _query(
        "SELECT s.attempt_id FROM slots s LEFT JOIN attempts a ON a.id = s.attempt_id"
        " WHERE s.attempt_id IS NOT NULL AND (a.id IS NULL OR a.state NOT IN (FLYING))"
    ),
    "an attempt in flight has no slot": _query(
        "SELECT id FROM attempts WHERE state IN (FLYING)"
        " AND id NOT IN (SELECT attempt_id FROM slots WHERE attempt_id IS NOT NULL)"
    ),
    "a job at a provider has no attempt in flight": _query(
        "SELECT j.id || ' ' || j.phase || ' ' || coalesce(a.state, '-')"
        " FROM jobs j LEFT JOIN attempts a ON a.id = j.attempt_id"
        " WHERE j.phase IN (HOLDING) AND j.remote_url IS NULL"
        " AND (a.state IS NULL OR a.state NOT IN (FLYING, 'overdue'))"
    ),
    "a job has two attempts in flight": _query(
        "SELECT job_id FROM attempts WHERE state IN (FLYING) GROUP BY job_id HAVING count(*) > 1"
    ),
}
"""What holds after every transaction; each query finds what breaks it."""


class Fate(Protocol):
    """What may happen to whoever gets somewhere."""

    def meet(self, process: Process, point: str) -> None:
        """A process has come to a point: it may be killed there, or halted."""

    def spoils(self, what: str) -> bool:
        """Whether something goes wrong this time."""


class Disk:
    """One database, and who is known to it to be alive."""

    def __init__(self, loop: SimLoop, fate: Fate, epoch: int, *, shared: bool) -> None:
        self.loop, self.fate, self.shared = loop, fate, shared
        self.epoch = epoch
        self.raw = fresh()
        # Whoever looks at what is left of a history keeps the disk, and never closes it.
        finalize(self, self.raw.close)
        self.connection = cast("RealConnection", Connection(self.raw))
        self.down = False
        self.broken: dict[str, str] = {}
        self._changes = 0
        self.used_by: list[SimDatabase] = []

    def now(self) -> int:
        """Microseconds since 1970: everybody's clock."""
        return self.epoch + round(self.loop.now * SECOND)

    def fail(self) -> None:
        """Go away: every connection is lost, and every lock with it."""
        self.down = True
        for one in self.used_by:
            one.lose()

    def mend(self) -> None:
        """Come back."""
        self.down = False
        for one in self.used_by:
            one.retake()

    def forget(self, process: Process) -> None:
        """A process is gone, and its connections with it."""
        self.used_by = [one for one in self.used_by if one.process is not process]

    def check(self) -> None:
        """Look whether a transaction has broken a rule."""
        if self._changes == self.raw.total_changes:
            return
        self._changes = self.raw.total_changes
        for rule, query in RULES.items():
            found = self.raw.execute(query).fetchall()
            if found and rule not in self.broken:
                words = ", ".join(str(row[0]) for row in found)
                self.broken[rule] = f"from {self.loop.now:.3f} s on {rule}: {words}"

    def ask(self, query: str, *values: object) -> list[Any]:
        """Read something for a judge, who sees everything."""
        return self.raw.execute(query, values).fetchall()

    def attempt_of(self, job: MockJob) -> str | None:
        """The attempt that a mock job was made for, by the token of its callback."""
        if job.order.callback is None:
            return None
        token = job.order.callback.url.rpartition("/")[2]
        rows = self.ask("SELECT one FROM audit WHERE kind = 'attempt' AND other = ?", digest(token))
        return rows[0][0] if rows else None

    def job_of(self, job: MockJob) -> str | None:
        """The gateway's job that a mock job was made for: no two have the same prompt."""
        rows = self.ask(
            "SELECT job FROM audit WHERE kind = 'accepted' AND wish = ?", job.order.prompt
        )
        return rows[0][0] if rows else None


class _Work(NamedTuple):
    run: Callable[[RealConnection], Any]
    done: "asyncio.Future[Any]"
    alone: bool


class SimDatabase:
    """`Database`, as far as the engine uses it, in one process."""

    outdated_library = None
    name = "the database"

    def __init__(self, disk: Disk, process: Process) -> None:
        self.disk, self.process = disk, process
        self.replica: str | None = None
        self.dialect: Dialect = "postgresql" if disk.shared else "sqlite"
        self._queue: list[_Work] = []
        self._writing = False
        self._locked = False
        self._trusted_until = 0.0
        self._doubted_until = 0.0
        disk.used_by.append(self)

    def typed(self) -> Database:
        """Itself, for those who want the real one."""
        return cast("Database", self)

    # --- life

    @property
    def holds_life(self) -> bool:
        now = self.disk.loop.now
        if not self.disk.shared:
            return self.replica is not None
        return (self._locked or now < self._trusted_until) and now >= self._doubted_until

    def live(self, replica: str) -> None:
        self._reach()
        self.replica, self._locked = replica, True

    def lives(self, _connection: object, replica: str) -> bool:
        if not self.disk.shared:
            return replica == self.replica
        return any(one.replica == replica and one._locked for one in self.disk.used_by)

    def lose(self) -> None:
        """The lock is gone; a look that comes within a beat finds that out."""
        if self._locked:
            self._locked = False
            self._trusted_until = self.disk.loop.now + self.disk.loop.rng.uniform(0, BEAT)

    def retake(self) -> None:
        """Take the lock again, as soon as this process gets to it."""
        if self.replica is not None and not self._locked:
            loop = self.disk.loop
            loop.call_later(loop.rng.uniform(0, BEAT), self._take, context=self.process.context)

    def woken(self, after: float) -> None:
        """The process was halted for so long; its lock was not looked after meanwhile."""
        if after > TRUSTED and self.disk.loop.rng.random() < 0.5:
            self._doubted_until = self.disk.loop.now + self.disk.loop.rng.uniform(0, BEAT)

    def _take(self) -> None:
        if not self.disk.down and not self.process.dead:
            self._locked = True

    # --- statements

    def time(self, _connection: object) -> int:
        return self.disk.now()

    async def read(self, run: Callable[[RealConnection], T]) -> T:
        if self.disk.loop.rng.random() < 0.3:
            await asyncio.sleep(0)
        self._reach()
        return run(self.disk.connection)

    async def write(self, run: Callable[[RealConnection], T], *, alone: bool = False) -> T:
        self.process.check()
        done: asyncio.Future[T] = self.disk.loop.create_future()
        self._queue.append(_Work(run, done, alone))
        self._soon()
        return await asyncio.shield(done)

    def afterwards(self, run: Callable[[], None]) -> None:
        done = self.disk.loop.create_future()
        done.add_done_callback(lambda _: run())
        self._queue.append(_Work(lambda _: None, done, alone=True))
        self._soon()

    def close(self) -> None:
        self.disk.forget(self.process)

    def _reach(self) -> None:
        self.process.check()
        if self.disk.down:
            raise StorageError("the database is away")

    def _soon(self) -> None:
        if not self._writing:
            self._writing = True
            loop = self.disk.loop
            pause = loop.rng.uniform(0, 0.02) if loop.rng.random() < 0.3 else 0.0
            loop.call_later(pause, self._write, context=self.process.context)

    def _write(self) -> None:
        self._writing = False
        if self.process.dead or not self._queue:
            return
        group = [self._queue.pop(0)]
        while self._queue and not group[0].alone and len(group) < GROUP:
            if self._queue[0].alone:
                break
            group.append(self._queue.pop(0))
        if self._queue:
            self._soon()
        try:
            self._reach()
        except StorageError as error:
            _refuse(group, error)
            return
        self._commit(group)

    def _commit(self, group: list[_Work]) -> None:
        raw, fate = self.disk.raw, self.disk.fate
        raw.execute("BEGIN IMMEDIATE")
        answers = [(work, self._part(work)) for work in group]
        fate.meet(self.process, "commit")
        if self.process.is_dead():
            raw.execute("ROLLBACK")
            return
        if fate.spoils("commit"):
            raw.execute("ROLLBACK")
            _refuse(group, StorageError("the disk is full"))
            return
        lost = self.disk.shared and fate.spoils("commit answer")
        if lost and fate.spoils("lost commit"):
            raw.execute("ROLLBACK")
        else:
            raw.execute("COMMIT")
            self.disk.check()
        fate.meet(self.process, "committed")
        if self.process.is_dead():
            return
        for work, answer in answers:
            if work.done.done():
                continue
            if lost and not isinstance(answer, _Error):
                work.done.set_exception(UncertainError("the answer to the commit is missing"))
            elif isinstance(answer, _Error):
                work.done.set_exception(answer.error)
            else:
                work.done.set_result(answer)

    def _part(self, work: _Work) -> Any:
        raw = self.disk.raw
        raw.execute("SAVEPOINT part")
        try:
            answer = work.run(self.disk.connection)
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
            raw.execute("ROLLBACK TO SAVEPOINT part")
            answer = _Error(_told(error))
        raw.execute("RELEASE SAVEPOINT part")
        return answer


class _Error(NamedTuple):
    error: Exception


def _told(error: Exception) -> Exception:
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        return BrokenRuleError(str(cause))
    return error


def _refuse(group: list[_Work], error: Exception) -> None:
    for work in group:
        if not work.done.done():
            work.done.set_exception(error)
