"""An event loop in which chance decides who goes first, and processes can be halted and killed.

Time is virtual: when nothing is left to do it jumps to the next timer. There are no sockets and
no threads, so that a seed decides everything that happens.
"""

import asyncio
import heapq
import inspect
from asyncio import Handle, TimerHandle
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context, ContextVar, copy_context
from itertools import count
from random import Random
from typing import Any, Final, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

LONGEST: Final = 20_000.0
"""Virtual seconds that a history may take: more, and something waits for ever."""


class Killed(BaseException):
    """The process that does this is dead: nothing it does has any effect."""


class Process:
    """A gateway's process. All that runs in its context is its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.halted = False
        self.context = copy_context()
        self.context.run(_process.set, self)
        self.held: list[Handle] = []
        self.tasks: dict[Task, None] = {}

    def is_dead(self) -> bool:
        """Whether it has ended, which may be a moment ago."""
        return self.dead

    def check(self) -> None:
        """Go no further when dead.

        Raises:
            Killed: It is.
        """
        if self.dead:
            raise Killed


_process: Final[ContextVar[Process | None]] = ContextVar("process", default=None)


class Task(asyncio.Task[Any]):
    """A task whose place in a set depends on when it was made, and not on its address."""

    def __init__(self, number: int, coro: Coroutine[Any, Any, Any], **given: Any) -> None:
        self.number = number
        super().__init__(coro, **given)

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        return self is other


class SimLoop(asyncio.BaseEventLoop):
    """Runs what is ready in an order of its seed's choice."""

    _ready: deque[Handle]
    _scheduled: list[TimerHandle]

    def __init__(self, rng: Random) -> None:
        super().__init__()
        self.began = 0.0
        """For the mock's clock, which shows what this one has shown since."""
        self.rng = rng
        self.now = 0.0
        self.errors: list[str] = []
        self.halted = 0
        self._numbers = count(1)
        self.set_task_factory(self._task)
        self.set_exception_handler(self._on_error)

    def time(self) -> float:
        """Virtual seconds."""
        return self.now

    # --- processes

    def spawn(self, process: Process, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Run something as a part of a process."""
        return self.create_task(work, context=process.context.copy())

    def halt(self, process: Process) -> None:
        """Stop a process as SIGSTOP does: whatever comes waits until it is `resumed`."""
        if not process.halted and not process.dead:
            process.halted = True
            self.halted += 1

    def resume(self, process: Process) -> None:
        """Let it go on."""
        if process.halted:
            process.halted = False
            self.halted -= 1
            self._ready.extend(process.held)
            process.held.clear()

    def kill(self, process: Process) -> None:
        """End a process at this very moment; its tasks find that out when they are next run."""
        process.dead = True
        self.resume(process)
        for task in list(process.tasks):
            # One that has not begun finds out by itself, and leaves nothing behind unawaited.
            if inspect.getcoroutinestate(task.get_coro()) != inspect.CORO_CREATED:  # type: ignore[arg-type]
                task.cancel()

    def _task(
        self,
        loop: asyncio.AbstractEventLoop,
        coro: Any,
        **given: Any,
    ) -> "asyncio.Task[Any]":
        # The context a task is given or, without one, that of whoever makes it.
        context: Context | None = given.get("context")
        process = _process.get() if context is None else context.get(_process)
        task = Task(next(self._numbers), coro, loop=loop, **given)
        if process is not None:
            process.tasks[task] = None
            task.add_done_callback(lambda _: process.tasks.pop(task, None))
        return task

    def _on_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, Killed):
            self.errors.append(f"{context.get('message')}: {error!r}")

    # --- what asyncio asks for

    def run_in_executor(
        self, _executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> "asyncio.Future[T]":
        """Run `func` here and now; its result may come a little later, as a thread's does."""
        process = _process.get()
        if process is not None:
            process.check()
        future: asyncio.Future[T] = self.create_future()
        try:
            result = func(*args)
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
            future.set_exception(error)
            return future
        if self.rng.random() < 0.25:
            self.call_soon(_settle, future, result)
        else:
            future.set_result(result)
        return future

    def _run_once(self) -> None:
        self._wake_timers()
        batch = list(self._ready)
        self._ready.clear()
        if len(batch) > 1:
            self.rng.shuffle(batch)
        for handle in batch:
            if not handle._cancelled and not (self.halted and self._is_held(handle)):
                handle._run()

    def _wake_timers(self) -> None:
        """Have timers ready that are due; where nothing else is, time jumps to the next one."""
        ready, scheduled = self._ready, self._scheduled
        while scheduled and scheduled[0]._cancelled:
            self._next_timer()
        if not ready:
            if not scheduled:
                raise RuntimeError("nothing is left to do, and something still waits")
            self.now = max(self.now, scheduled[0].when())
            if self.now > LONGEST:
                raise RuntimeError(f"the history does not end: it is at {self.now:.0f} s")
        while scheduled and scheduled[0].when() <= self.now:
            timer = self._next_timer()
            if not timer._cancelled:
                ready.append(timer)

    def _next_timer(self) -> TimerHandle:
        timer = heapq.heappop(self._scheduled)
        # As asyncio's own loop notes it, for timers that are cancelled later.
        timer._scheduled = False  # type: ignore[attr-defined]
        return timer

    def _is_held(self, handle: Handle) -> bool:
        """Whether it is of a process that is halted; then it is put by."""
        context: Context = handle._context  # type: ignore[attr-defined]
        process = context.get(_process)
        if process is None or not process.halted:
            return False
        process.held.append(handle)
        return True

    def settle(self, seconds: float = 0.0) -> None:
        """Let time pass, and do all that can be done without any more of it."""
        end = self.now + seconds
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            while self._ready or (self._scheduled and self._scheduled[0].when() <= end):
                self._run_once()
        finally:
            asyncio._set_running_loop(before)
        self.now = end

    def end(self) -> None:
        """Cancel whatever still waits, and let it come to its end."""
        for _ in range(5):
            left = asyncio.all_tasks(self)
            for task in left:
                task.cancel()
            self.settle()
        self.close()

    def _write_to_self(self) -> None:
        """There is no selector to be woken."""


def current() -> Process | None:
    """The process that this code runs in."""
    return _process.get()


def outside() -> Context:
    """A context that belongs to no process."""
    context = copy_context()
    context.run(_process.set, None)
    return context


def _settle(future: "asyncio.Future[T]", result: T) -> None:
    if not future.done():
        future.set_result(result)
