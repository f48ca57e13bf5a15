"""The scheduler on the wall clock, which goes on by itself.

Lanes run beside each other, so a slow callback receiver holds up its own job only.
"""

import asyncio
import logging
from collections import deque
from contextvars import Context
from typing import Any

from mockserver.engine.agenda import Agenda, Due
from mockserver.engine.clock import Clock
from mockserver.engine.scheduler import SETTLE_SECONDS, Perform, Scheduler
from mockserver.engine.tasks import cancel, others, running_loop

log = logging.getLogger("mockserver")


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
        loop = running_loop()
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
        while tasks := others(self._tasks):
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
        cancel(others(self._tasks))

    async def aclose(self) -> None:
        """The same, and waits for the end of what is running."""
        running = others(self._tasks)
        await super().aclose()
        await asyncio.gather(*running, return_exceptions=True)
