"""The engine itself: what is due is done, by bounded tasks, until it is told to stop."""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

import msgspec
import structlog

from gateway.engine import (
    ageing,
    callbacks,
    clocks,
    dispatch,
    hearsay,
    intake,
    line,
    notices,
    retention,
    save,
    sources,
    takeover,
    watch,
)
from gateway.engine.crash import crash_point
from gateway.engine.drop import drop_ripe
from gateway.engine.intake import Accepted, Once
from gateway.engine.places import Places
from gateway.engine.rebase import Mending, rebase
from gateway.engine.recover import recover
from gateway.engine.tools import Tools, log_change
from gateway.model.clock import SECOND
from gateway.model.job import Job
from gateway.model.phases import Phase
from gateway.model.request import CreateVideo
from gateway.model.urls import host_of
from gateway.storage import Connection, StorageError, accounts, agenda, deliveries, orphans
from gateway.storage.deliveries import Delivery
from gateway.storage.elapsed import elapsed
from gateway.storage.jobs import Change
from gateway.storage.line import forgive_old, next_start_by
from gateway.storage.orphans import Orphan

GAP: Final = 0.02
"""Seconds from one round to the next at least: a thousand new jobs a second are no reason to
look around a thousand times."""
IDLE: Final = 5.0
"""Seconds after which the engine looks at the database though nothing woke it."""
TROUBLE: Final = 1.0
LEAVE: Final = 5.0
"""Seconds that a stop waits for the database to take what it gives back."""

_log = structlog.get_logger()


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What one transaction found to be done, and what it has done itself."""

    changes: list[Change]
    ready: list[sources.Ready]
    bound: list[line.Bound]
    groups: list[list[Job]]
    heard: list[list[Orphan]]
    rendered: list[Job]
    notices: list[Delivery]


class Engine:
    """Moves jobs along.

    `turn()` does what is due now and waits for its end; `start()` keeps doing so.
    """

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._prepared = False
        self._saving = Places(save.AT_ONCE, save.EACH)
        self._telling = Places(notices.AT_ONCE, notices.EACH)
        self._taking: set[str] = set()
        self._gate = dispatch.Gate()
        self._submits: dict[asyncio.Task[None], str] = {}
        self._looked_at: set[str] = set()
        self._good_round = 0.0
        self._loop: asyncio.Task[None] | None = None
        self._heart: asyncio.Task[None] | None = None
        self._pruned_at: int | None = None
        self._mending = Mending()

    async def accept(self, request: CreateVideo, owner: str, once: Once | None = None) -> Accepted:
        """Take a job into the line; see `intake.accept`."""
        accepted = await intake.accept(self.tools, request, owner, once)
        self._wake.set()
        return accepted

    def wake(self) -> None:
        """Something is due that was not before."""
        self._wake.set()

    async def called_back(self, provider: str, token: str, body: bytes) -> bool:
        """A provider called; False when the token is not one of ours."""
        if provider not in self.tools.adapters:
            return False
        known = await callbacks.called_back(self.tools, provider, token, body, self._looked_at)
        if known:
            self._wake.set()
        return known

    async def prepare(self) -> None:
        """Take over what an earlier process left; before the first turn, and once only.

        Raises:
            StorageError: The database takes no writes.
        """
        if not self._prepared:
            await asyncio.to_thread(self.tools.database.live, self.tools.replica)
            await recover(self.tools)
            if self.tools.database.dialect != "sqlite":
                self._mending.begin(elapsed())
            self._prepared = True

    async def start(self) -> None:
        """Prepare, then run in the background."""
        await self.prepare()
        self._loop = asyncio.create_task(self._run(), name="filmgate-engine")
        self._heart = asyncio.create_task(self._beat(), name="filmgate-heart")

    async def stop(self, seconds: float = dispatch.SUBMIT_SECONDS + 10) -> None:
        """Take up nothing more; return when no submission is under way.

        A paid request is never cut: its outcome would be lost. Everything else is, at once;
        the next start takes it over from its row. Should the database refuse the outcomes
        for longer than `seconds`, the start after that has to look for them.
        """
        self._gate.stopping = True
        self._wake.set()
        if self._loop is not None:
            await self._loop
        for task in self._tasks - self._sending():
            task.cancel()
        if sending := self._sending():
            await asyncio.wait(sending, timeout=seconds)
        if left := set(self._tasks):
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=2)
        if self._heart is not None:
            self._heart.cancel()
        if self._prepared:
            with suppress(StorageError, TimeoutError):
                await asyncio.wait_for(takeover.leave(self.tools), LEAVE)

    @property
    def stalled_seconds(self) -> float:
        """How long ago the last round went well; 0 while the engine does not run by itself."""
        if self._loop is None or not self._good_round:
            return 0.0
        return time.monotonic() - self._good_round

    async def turn(self) -> int:
        """Do all that is due now, to its end; how many pieces of work that was."""
        tasks, moved = await self._take_up()
        await asyncio.gather(*tasks)
        return len(tasks) + moved + await self._prune()

    async def beat(self) -> None:
        """Be seen alive, and take over from replicas that are gone.

        A clock that was set back is noticed here, and for a while what it named is mended:
        here and in other replicas something may be under way that began before.
        """
        taken = await takeover.beat(self.tools, frozenset(self._gate.attempts))
        if taken.changes or taken.gone:
            self._wake.set()
        if taken.ahead > clocks.SKEW:
            self._mending.begin(elapsed())
        self.tools.follow(self.tools.clock.now() - taken.ahead)
        if self._mending.is_due(elapsed()):
            await self.tools.database.write(lambda connection: rebase(connection, self.tools))

    async def _beat(self) -> None:
        """A heart beats four times in a lease, whatever else the engine has to do.

        Also while the engine stops, for its last submissions may take their time.
        """
        while True:
            await asyncio.sleep(self.tools.pace.lease_seconds / 4)
            try:
                await self.beat()
            except StorageError as error:
                _log.error("this replica could not be seen", error=str(error))
            except Exception:  # noqa: BLE001 - a heart that stops would have its work taken
                _log.exception("a heartbeat failed")

    async def _prune(self) -> int:
        """Now and then, remove what is old; how many videos that were."""
        now = self.tools.clock.now()
        if self._pruned_at is not None and 0 <= now - self._pruned_at < retention.PAUSE:
            return 0

        def tidy(connection: Connection) -> None:
            forgive_old(connection, now)
            retention.forget(connection, ageing.judged_by(self.tools))

        await self.tools.database.write(tidy)
        count = await retention.prune(self.tools)
        await drop_ripe(self.tools)
        # A full batch: there is more.
        self._pruned_at = None if count == retention.BATCH else now
        return count

    async def _run(self) -> None:
        self._good_round = time.monotonic()
        while not self._gate.stopping:
            began = time.monotonic()
            self._wake.clear()
            try:
                await self._take_up()
                await self._prune()
                pause = await self._pause()
                self._good_round = time.monotonic()
            except StorageError as error:
                _log.error("the database is not usable", error=str(error))
                pause = TROUBLE
            except Exception:  # noqa: BLE001 - one bad round must not end all jobs
                _log.exception("the engine stumbled")
                pause = TROUBLE
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)
            await asyncio.sleep(began + GAP - time.monotonic())

    async def _take_up(self) -> tuple[list[asyncio.Task[None]], int]:
        """Start a task for everything that is due; these, and how many jobs moved at once."""
        tools = self.tools
        claim = await tools.database.write(self._claim)
        for change in claim.changes:
            log_change(change)
        tasks: list[asyncio.Task[None]] = []
        for one in claim.ready:
            self._taking.add(one.job.id)
            tasks.append(self._spawn(self._bring_in(one), "source", job=one.job.id))
        if claim.bound:
            crash_point("slot-bound")
        for bound in claim.bound:
            log_change(bound.change)
            work = dispatch.carry_out(tools, bound, self._gate)
            task = self._spawn(work, "submit", job=bound.job.id)
            self._submits[task] = bound.job.id
            tasks.append(task)
        for group in claim.groups:
            hold = watch.Hold(self._looked_at, group)
            tasks.append(self._spawn(self._look(group, hold), "look", account=group[0].account))
        for some in claim.heard:
            work = hearsay.look(tools, some)
            tasks.append(self._spawn(work, "hearsay", account=some[0].account))
        for job in claim.rendered:
            self._saving.take(save.lane_of(tools, job.account))
            tasks.append(self._spawn(self._save(job), "save", job=job.id))
        for notice in claim.notices:
            self._telling.take(host_of(notice.url))
            tasks.append(self._spawn(self._tell(notice), "notice", job=notice.job_id))
        return tasks, len(claim.changes)

    def _claim(self, connection: Connection) -> Claim:
        tools, now = self.tools, self.tools.clock.now()
        replica = tools.replica
        expired = line.expire(connection, tools)
        ready, failed = sources.take_ready(connection, replica, now, self._taking)
        return Claim(
            changes=[*expired, *failed],
            ready=ready,
            bound=line.bind_line(connection, tools) if self._may_begin() else [],
            groups=watch.take_watched(connection, tools, now, self._looked_at),
            heard=hearsay.take_heard(connection, now),
            rendered=save.take_rendered(
                connection, tools, now, self._saving.left, self._saving.free
            ),
            notices=notices.take_due(
                connection, replica, now, self._telling.left, self._telling.free
            ),
        )

    def _may_begin(self) -> bool:
        """Whether jobs may be given slots here: others must not think this replica dead."""
        return not self._gate.stopping and self.tools.database.holds_life

    async def _bring_in(self, ready: sources.Ready) -> None:
        try:
            await sources.bring_in(self.tools, ready)
        finally:
            self._taking.discard(ready.job.id)

    async def _tell(self, notice: Delivery) -> None:
        try:
            await notices.deliver(self.tools, notice)
        finally:
            self._telling.give_back(host_of(notice.url))

    async def _look(self, group: list[Job], hold: watch.Hold) -> None:
        began = self.tools.clock.now()
        try:
            await watch.look(self.tools, group, hold)
        except StorageError as error:
            _log.warning("the database could not be asked about jobs", error=str(error))
            # Or they would lie until their lease is over.
            await watch.put_back(self.tools, hold.left, began)
        finally:
            hold.let_go(group)

    async def _save(self, job: Job) -> None:
        try:
            await save.save(self.tools, job)
        finally:
            self._saving.give_back(save.lane_of(self.tools, job.account))

    def _sending(self) -> set[asyncio.Task[None]]:
        """The tasks whose paid request is under way."""
        return {task for task, job in self._submits.items() if job in self._gate.sending}

    async def _pause(self) -> float:
        """Seconds until something is due."""
        # Not in `due`, which runs in another thread.
        full = (Phase.DOWNLOADING,) if self._saving.scarce else ()
        scarce = self._telling.scarce

        def due(connection: Connection) -> list[int | None]:
            now = self.tools.clock.now()
            return [
                agenda.next_due(connection, now, *full),
                next_start_by(connection),
                accounts.cooling_until(connection, now),
                orphans.next_due(connection),
                # Those that wait for room are woken by its coming.
                deliveries.next_due(connection, now if scarce else None),
            ]

        times = [time for time in await self.tools.database.read(due) if time is not None]
        if not times:
            return IDLE
        return min(max((min(times) - self.tools.clock.now()) / SECOND, 0.02), IDLE)

    def _spawn(
        self, work: Coroutine[Any, Any, None], name: str, **ids: str | None
    ) -> asyncio.Task[None]:
        """Run a piece of work beside the others; its log lines carry the ids."""

        async def bound() -> None:
            structlog.contextvars.clear_contextvars()
            structlog.contextvars.bind_contextvars(stage=name, **ids)
            await work

        task = asyncio.create_task(bound(), name=f"{name} {' '.join(map(str, ids.values()))}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._submits.pop(task, None)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a task of the engine failed", task=task.get_name(), exc_info=error)
