"""What happens when: a heap of actions, driven by the wall or by `advance`.

Actions of one lane (a job) run in order, one at a time. By the wall clock, lanes run beside each
other, so a slow callback receiver holds up its own job only. By hand, everything runs one after
the other, so that the order repeats and `advance` returns when all of it has settled.
"""

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Protocol

from mockserver.engine.clock import Clock, ManualClock

Action = Callable[[], Awaitable[None]]

log = logging.getLogger("mockserver")


class Scheduler(Protocol):
    """Where the engine leaves what is to happen later."""

    def at(self, due: float, lane: str, action: Action) -> None:
        """Runs `action` when virtual time reaches `due`."""

    async def aclose(self) -> None:
        """Forgets what is still to come and stops what is running."""


class Agenda:
    """Actions by due time, then by order of arrival."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str, Action]] = []
        self._arrivals = count()

    def add(self, due: float, lane: str, action: Action) -> None:
        """Notes one action."""
        heapq.heappush(self._heap, (due, next(self._arrivals), lane, action))

    def next_due(self) -> float | None:
        """When the first one is due; None when there is none."""
        return self._heap[0][0] if self._heap else None

    def pop(self) -> tuple[float, str, Action]:
        """Takes the first one out."""
        due, _, lane, action = heapq.heappop(self._heap)
        return due, lane, action

    def clear(self) -> None:
        """Forgets all."""
        self._heap.clear()


class ManualScheduler:
    """Runs nothing until it is advanced."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._agenda = Agenda()
        self._lock = asyncio.Lock()
        self._advancing: asyncio.Task[object] | None = None

    def at(self, due: float, lane: str, action: Action) -> None:
        """Notes the action for a later `advance`."""
        self._agenda.add(due, lane, action)

    async def advance(self, seconds: float) -> None:
        """Moves time, running all that falls due, and what that causes, in order.

        Raises:
            ValueError: `seconds` is negative.
            RuntimeError: called from an action of an advance that is under way.
        """
        if seconds < 0:
            raise ValueError("time cannot go back")
        if self._advancing is not None and self._advancing is asyncio.current_task():
            raise RuntimeError("advance was called from inside advance")
        async with self._lock:
            self._advancing = asyncio.current_task()
            try:
                await self._run_until(self._clock.now() + seconds)
            finally:
                self._advancing = None

    async def _run_until(self, target: float) -> None:
        while (due := self._agenda.next_due()) is not None and due <= target:
            _, _, action = self._agenda.pop()
            self._clock.put(due)
            await action()
        self._clock.put(target)

    async def aclose(self) -> None:
        """Forgets what is still to come."""
        self._agenda.clear()


class WallScheduler:
    """Runs actions as the wall clock reaches them.

    It needs no start: the first `at` arms a timer on the running loop, so the server works where
    nobody runs its lifespan.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._agenda = Agenda()
        self._lanes: dict[str, deque[Action]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def at(self, due: float, lane: str, action: Action) -> None:
        """Notes the action and sees to it that the timer is early enough."""
        self._agenda.add(due, lane, action)
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._agenda.next_due()
        if due is not None:
            wait = max(0.0, due - self._clock.now()) / self._clock.speed
            self._timer = asyncio.get_running_loop().call_later(wait, self._fire)

    def _fire(self) -> None:
        while (due := self._agenda.next_due()) is not None and due <= self._clock.now():
            _, lane, action = self._agenda.pop()
            if (waiting := self._lanes.get(lane)) is not None:
                waiting.append(action)
                continue
            self._lanes[lane] = deque([action])
            task = asyncio.get_running_loop().create_task(self._run(lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._arm()

    async def _run(self, lane: str) -> None:
        waiting = self._lanes[lane]
        try:
            while waiting:
                try:
                    await waiting.popleft()()
                except Exception:
                    log.exception("an action of %s failed", lane)
        finally:
            del self._lanes[lane]

    async def aclose(self) -> None:
        """Forgets what is still to come and cancels what is running."""
        self._agenda.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
