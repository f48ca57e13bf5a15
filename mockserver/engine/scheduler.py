"""Who works through the agenda: a hand, or the wall.

Things of one lane (a job) happen in order, one at a time. By the wall clock lanes run beside each
other, so a slow callback receiver holds up its own job only. By hand everything happens one after
the other, so that the order repeats. Either way a move of time ends when all that fell due has
settled: callbacks are answered, and so are requests that came in because of them.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from contextvars import Context, ContextVar
from typing import Any

from mockserver.engine.agenda import Agenda, Due
from mockserver.engine.clock import Clock, whole
from mockserver.engine.tape import Fell, Paused, Tape

Perform = Callable[[Due], Awaitable[None]]
"""Does what is due."""

SETTLE_SECONDS = 10.0
"""How long, in real time, a move of time waits for requests that do not come to their end."""
TURNS = 25
"""Turns of the event loop that those who were told something get to act on it."""
ELSEWHERE_SECONDS = 0.5
"""How long, in real time, a move of time waits for the event loop of another thread."""
GRACE_SECONDS = 0.02
"""How long nothing must be under way before time skips by itself."""

log = logging.getLogger("mockserver")

UNNOTED: AbstractContextManager[object] = nullcontext()
"""For moves of time that nobody keeps a record of."""

expecting: ContextVar[Callable[[float], None] | None] = ContextVar("expecting", default=None)
"""Told until when, in virtual seconds, a request, or a reply on its way, is going to wait."""

_moving: ContextVar[object | None] = ContextVar("moving", default=None)
"""The move of time that this piece of work is part of."""


class OverError(Exception):
    """The world in which somebody slept has begun anew."""


class Scheduler:
    """The part that both ways share: sleeping, requests under way, and moves of time."""

    def __init__(self, clock: Clock, agenda: Agenda, perform: Perform) -> None:
        self.clock = clock
        self.agenda = agenda
        self._perform_other = perform
        self.tape = Tape(clock)
        self.closed = False
        """Nothing falls due any more, and nobody sleeps."""
        self.over = False
        """The world goes on without this, so that those who slept must leave it alone."""
        self._doing: dict[int, Due] = {}
        self._lock: asyncio.Lock | None = None
        self._lock_of: asyncio.AbstractEventLoop | None = None
        self._move: object | None = None
        self._sleepers: dict[int, asyncio.Future[None]] = {}
        self._under_way = 0
        self.heard = False
        """Somebody outside was told something, and may act upon it."""
        self._calm: list[asyncio.Future[None]] = []

    def at(self, at: float, lane: str, what: str, subject: Any = None) -> Due:
        """Notes something for later; nothing, once closed."""
        if self.closed:
            return Due(whole(at), 0, lane, what, subject)
        return self.agenda.add(whole(at), lane, what, subject)

    def still_due(self) -> Agenda:
        """A copy of the agenda, with what is being done at this moment."""
        return self.agenda.fork(self._doing.values())

    def wake(self) -> None:
        """Looks after the timers; to be called when an event loop may be a new one."""

    async def sleep(self, seconds: float) -> None:
        """Waits for a moment of virtual time, inside a request that is under way.

        Raises:
            OverError: the world has begun anew meanwhile.
        """
        if seconds <= 0:
            return
        n, future = self._alarm(seconds)
        self.leave()
        try:
            await self.tape.wait(lambda: future, None)
        finally:
            self._sleepers.pop(n, None)
            self.enter()
        if self.over:
            raise OverError

    async def pause(self, seconds: float) -> None:
        """The same for a reply that is on its way already."""
        self.tape.add(Paused(at=self.clock.now(), seconds=seconds))
        n, future = self._alarm(seconds)
        try:
            await future
        finally:
            self._sleepers.pop(n, None)

    def _alarm(self, seconds: float) -> tuple[int, asyncio.Future[None]]:
        due = self.at(self.clock.now() + seconds, "sleep", "wake")
        self._sleepers[due.n] = future = asyncio.get_running_loop().create_future()
        if self.closed:
            future.set_result(None)
        if (tell := expecting.get()) is not None:
            tell(due.at)
        return due.n, future

    def enter(self) -> None:
        """A request is under way: moves of time wait for its end."""
        self._under_way += 1

    def leave(self) -> None:
        """It has ended, or sleeps."""
        self._under_way -= 1
        if not self._under_way:
            calm, self._calm = self._calm, []
            for future in calm:
                if not future.done() and not future.get_loop().is_closed():
                    future.get_loop().call_soon_threadsafe(_resolve, future)

    async def perform(self, due: Due) -> None:
        """Does what is due."""
        self.tape.add(Fell(at=self.clock.now(), due=due.n))
        if due.what == "wake":
            future = self._sleepers.get(due.n)
            if future is not None and not future.done():
                await _woken(future)
            self.heard = True
            await asyncio.sleep(0)
        else:
            self._doing[due.n] = due
            try:
                await self._perform_other(due)
            finally:
                self._doing.pop(due.n, None)

    async def advance(
        self, seconds: float, noted: AbstractContextManager[object] = UNNOTED
    ) -> None:
        """Moves time, doing all that falls due, and what that causes, in order.

        Args:
            seconds: virtual ones, counted from when what is under way has settled.
            noted: entered while the move lasts, which may have to wait for another to end.

        Raises:
            ValueError: `seconds` is negative.
            RuntimeError: called from inside a move that is under way.
        """
        if seconds < 0:
            raise ValueError("time cannot go back")
        async with self._moving():
            with noted:
                await self._settle()
                await self._run_to(whole(self.clock.now() + seconds))

    async def advance_until(
        self,
        reached: Callable[[], bool],
        limit: float,
        noted: AbstractContextManager[object] = UNNOTED,
    ) -> bool:
        """Moves time from one due thing to the next until `reached`; whether it was.

        Args:
            reached: looks at the world.
            limit: virtual seconds to go at most.
            noted: entered while the move lasts, which may have to wait for another to end.
        """
        async with self._moving():
            with noted:
                await self._settle()
                end = self.clock.now() + limit
                while not reached():
                    due = self.agenda.next_due()
                    if due is None or due > end:
                        return reached()
                    await self._run_to(max(due, self.clock.now()))
        return True

    @asynccontextmanager
    async def _moving(self) -> AsyncIterator[None]:
        """One move of time at a time."""
        if self._move is not None and _moving.get() is self._move:
            raise RuntimeError("time was moved from inside a move of time")
        loop = asyncio.get_running_loop()
        if self._lock is None or self._lock_of is not loop:
            # A lock belongs to the event loop it first waited on; a world may see several.
            self._lock, self._lock_of = asyncio.Lock(), loop
        async with self._lock:
            self._move = move = object()
            token = _moving.set(move)
            try:
                yield
            finally:
                _moving.reset(token)
                self._move = None

    async def _run_to(self, target: float) -> None:
        raise NotImplementedError

    async def _settle(self) -> None:
        """Waits until every request that is under way has been answered or sleeps."""
        for _ in range(TURNS):
            await asyncio.sleep(0)
        while self._under_way > 0:
            future = asyncio.get_running_loop().create_future()
            self._calm.append(future)
            done, _ = await asyncio.wait({future}, timeout=SETTLE_SECONDS)
            if not done:
                log.warning("%d requests do not come to their end", self._under_way)
                return
            for _ in range(TURNS):
                await asyncio.sleep(0)

    def close(self) -> None:
        """Forgets what is still to come and lets sleeping requests go on."""
        self.closed = True
        self.agenda.clear()
        for future in tuple(self._sleepers.values()):
            if not future.done() and not future.get_loop().is_closed():
                future.get_loop().call_soon_threadsafe(_resolve, future)

    async def aclose(self) -> None:
        """Forgets what is still to come, and waits for the end of what is running."""
        self.close()


async def _woken(future: asyncio.Future[None]) -> None:
    """Wakes a sleeper; one on the loop of another thread gets its turns before time goes on."""
    loop = future.get_loop()
    if loop is asyncio.get_running_loop():
        future.set_result(None)
    elif loop.is_running():
        loop.call_soon_threadsafe(_resolve, future)
        acting = asyncio.run_coroutine_threadsafe(_turns(), loop)
        # The other thread may be waiting for this very move of time.
        await asyncio.wait({asyncio.wrap_future(acting)}, timeout=ELSEWHERE_SECONDS)


async def _turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class HandScheduler(Scheduler):
    """Does nothing until it is advanced."""

    async def _run_to(self, target: float) -> None:
        agenda, clock = self.agenda, self.clock
        while (at := agenda.next_due()) is not None and at <= target:
            due = agenda.pop()
            clock.put(at)
            await self.perform(due)
            if self.heard or self._under_way > 0:
                self.heard = False
                await self._settle()
        clock.put(target)


class SkippingScheduler(HandScheduler):
    """Goes to whatever is due next as soon as no request is under way."""

    def __init__(self, clock: Clock, agenda: Agenda, perform: Perform) -> None:
        super().__init__(clock, agenda, perform)
        self._timer: asyncio.TimerHandle | None = None
        self._waits_on: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def at(self, at: float, lane: str, what: str, subject: Any = None) -> Due:
        """Notes something for later, which is soon."""
        due = super().at(at, lane, what, subject)
        self.wake()
        return due

    def wake(self) -> None:
        """Looks soon whether nobody is under way; whoever polls fast must not put that off."""
        loop = _running_loop()
        if loop is None or self.closed:
            return
        if self._timer is not None and self._waits_on is loop:
            return
        self._waits_on = loop
        # Whoever comes by here may be part of a move; what happens later is not.
        self._timer = loop.call_later(GRACE_SECONDS, self._skip, context=Context())

    def leave(self) -> None:
        """A request has ended, or sleeps."""
        super().leave()
        self.wake()

    def _skip(self) -> None:
        self._timer = None
        if self._under_way > 0 or (self._task is not None and not self._task.done()):
            return
        if self.agenda.next_due() is not None:
            self._task = asyncio.get_running_loop().create_task(self._step())

    async def _step(self) -> None:
        async with self._moving():
            await self._settle()
            # Another move may have been there first.
            due = self.agenda.next_due()
            if due is not None:
                await self._run_to(max(due, self.clock.now()))
        self.wake()

    def close(self) -> None:
        """Forgets what is still to come and cancels what is running."""
        super().close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        _cancel(self._running())

    async def aclose(self) -> None:
        """The same, and waits for the end of what is running."""
        running = self._running()
        await super().aclose()
        await asyncio.gather(*running, return_exceptions=True)

    def _running(self) -> "list[asyncio.Task[None]]":
        return _others([] if self._task is None else [self._task])


class WallScheduler(Scheduler):
    """Does things as the clock reaches them.

    It needs no start: the first `at` arms a timer on the running loop, so the server works where
    nobody runs its lifespan.
    """

    def __init__(self, clock: Clock, agenda: Agenda, perform: Perform) -> None:
        super().__init__(clock, agenda, perform)
        self._lanes: dict[str, deque[Due]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def at(self, at: float, lane: str, what: str, subject: Any = None) -> Due:
        """Notes something and sees to it that the timer is early enough."""
        due = super().at(at, lane, what, subject)
        self._arm()
        return due

    def wake(self) -> None:
        """Moves the timer to the running loop where that is another one than before."""
        loop = _running_loop()
        if loop is not None and self._loop is not loop:
            self._arm()

    def still_due(self) -> Agenda:
        """A copy of the agenda, with what waits in a lane or is being done at this moment."""
        waiting = [due for lane in self._lanes.values() for due in lane]
        return self.agenda.fork([*self._doing.values(), *waiting])

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.closed:
            return
        self._loop = asyncio.get_running_loop()
        self.clock.go()
        due = self.agenda.next_due()
        if due is not None:
            wait = max(0.0, due - self.clock.now()) / self.clock.speed
            self._timer = self._loop.call_later(wait, self._fire, context=Context())

    def _fire(self) -> None:
        while (at := self.agenda.next_due()) is not None and at <= self.clock.now():
            due = self.agenda.pop()
            # Sleepers are lanes of their own: none must wait for another.
            lane = f"sleep {due.n}" if due.what == "wake" else due.lane
            if (waiting := self._lanes.get(lane)) is not None:
                waiting.append(due)
                continue
            self._lanes[lane] = deque([due])
            task = asyncio.get_running_loop().create_task(self._run(lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._arm()

    async def _run(self, lane: str) -> None:
        waiting = self._lanes[lane]
        try:
            while waiting:
                try:
                    await self.perform(waiting.popleft())
                except Exception:
                    log.exception("something of %s failed", lane)
        finally:
            del self._lanes[lane]

    async def _run_to(self, target: float) -> None:
        while (at := self.agenda.next_due()) is not None and at <= target:
            await self._reach(at)
        await self._reach(target)

    async def _reach(self, at: float) -> None:
        self.clock.put(at)
        self._fire()
        await self._settle()

    async def _settle(self) -> None:
        """Waits for what fell due by itself as well, such as callbacks that are being answered."""
        while tasks := _others(self._tasks):
            done, _ = await asyncio.wait(tasks, timeout=SETTLE_SECONDS)
            if not done:
                log.warning("%d things that fell due do not come to their end", len(tasks))
                break
        await super()._settle()

    def close(self) -> None:
        """Forgets what is still to come and cancels what is running."""
        super().close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        _cancel(_others(self._tasks))

    async def aclose(self) -> None:
        """The same, and waits for the end of what is running."""
        running = _others(self._tasks)
        await super().aclose()
        await asyncio.gather(*running, return_exceptions=True)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _others(tasks: Iterable[asyncio.Task[None]]) -> list[asyncio.Task[None]]:
    """The tasks of the running loop without the one that asks, which cannot wait for itself."""
    loop = _running_loop()
    if loop is None:
        return []
    mine = asyncio.current_task()
    return [task for task in tuple(tasks) if task.get_loop() is loop and task is not mine]


def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
