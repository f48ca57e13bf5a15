"""The schedulers whose clock is moved by hand, or skips by itself to what is due next.

Everything happens one after the other, so that the order repeats.
"""

import asyncio
from contextvars import Context
from typing import Any

from mockserver.engine.agenda import Agenda, Due
from mockserver.engine.clock import Clock
from mockserver.engine.scheduler import Perform, Scheduler
from mockserver.engine.tasks import cancel, others, running_loop

GRACE_SECONDS = 0.02
"""How long nothing must be under way before time skips by itself."""


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
        loop = running_loop()
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
        cancel(self._running())

    async def aclose(self) -> None:
        """The same, and waits for the end of what is running."""
        running = self._running()
        await super().aclose()
        await asyncio.gather(*running, return_exceptions=True)

    def _running(self) -> "list[asyncio.Task[None]]":
        return others([] if self._task is None else [self._task])
