"""Who works through the agenda: a hand (`by_hand`), or the wall (`by_wall`).

Things of one lane (a job) happen in order, one at a time. Either way a move of time ends when all
that fell due has settled: callbacks are answered, and so are requests that came in because of them.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from contextvars import ContextVar
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
