"""An event loop whose time is virtual: when nothing is left to do, it jumps to the next timer.

Code that awaits `asyncio.sleep(15)` between two polls runs unchanged and at once, and whatever
lives in the same loop and asks `loop.time()` agrees about what time it is.

What happens outside of the loop takes real time, and virtual time must not run ahead of it:

* While an executor job, a thread of anyio's, a child process or a `hold()` is under way, time
  stands still.
* While sockets or pipes are watched, each jump first gives them `grace` real seconds. An event
  always comes before a jump.
* Without a timer the loop waits really, like any other.

Time is not rounded: a timer fires at the very number it was set for, so `start + 60` of one party
equals `start + 60` of another. The same code without threads and sockets sees the same times in
the same order on each run.

A thread that the loop does not know of is not waited for; whoever starts one holds time with
`hold()`. A spin on `asyncio.sleep(0)` never lets time move, so no limit ends it.
"""

import asyncio
import concurrent.futures
import contextlib
import selectors
import threading
import time
import weakref
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

GRACE_SECONDS = 0.01
"""Real seconds that watched sockets and pipes get before each jump."""
LIMIT_SECONDS = 86_400.0
"""Virtual seconds that one run may take: a day."""
PATIENCE_SECONDS = 60.0
"""Real seconds for which outside work may keep a timer from firing."""

_NAMED_AT_MOST = 5

_Ready = list[tuple[selectors.SelectorKey, int]]
_Select = Callable[[float | None], _Ready]
_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class VirtualTimeLimitError(RuntimeError):
    """A run took more virtual time than its limit: something polls or sleeps for ever."""


class VirtualTimeStallError(RuntimeError):
    """Outside work kept a timer from firing for too long: most likely it waits for that timer."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop that costs no real time where its tasks only wait for timers.

    Args:
        start: What `time()` says at first.
        grace: Real seconds for watched sockets and pipes before each jump. Raise it where a peer
            in another thread or process thinks for longer, or sends its replies in pieces without
            `TCP_NODELAY`: the kernel holds those back for 40 ms.
        limit: Virtual seconds that one run (`run_until_complete`, `run_forever`) may take.
        patience: Real seconds for which outside work may keep a timer from firing.

    Both errors come out of the run itself, past all tasks, so that no task can swallow them:
    `VirtualTimeLimitError` before the jump that would pass the limit, `VirtualTimeStallError` when
    patience is at its end.
    """

    # Of asyncio's own loop, unchanged from 3.4 to 3.14: the heap of timers, cancelled ones off
    # its head whenever the selector is asked to wait.
    _scheduled: list[asyncio.TimerHandle]

    def __init__(
        self,
        start: float = 0.0,
        *,
        grace: float = GRACE_SECONDS,
        limit: float = LIMIT_SECONDS,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.began = start
        """Its time at its beginning, for clocks that are to show what it has shown since."""
        self._now = start
        self._run_began = start
        self._grace = grace
        self._limit = limit
        self._patience = patience
        self._under_way: dict[object, str] = {}
        self._children = weakref.WeakSet[asyncio.SubprocessTransport]()
        self._threads: concurrent.futures.Executor | None = None
        self._watched = _Selector(self._wait)
        super().__init__(self._watched)
        self._own_watched = len(self._watched.get_map())

    def time(self) -> float:
        """Virtual seconds."""
        return self._now

    @contextlib.contextmanager
    def hold(self, what: str = "a hold") -> Iterator[None]:
        """Keeps time from jumping, for work that the loop cannot see; from any thread.

        Args:
            what: The work, as an error should name it.
        """
        token = object()
        self._under_way[token] = what
        try:
            yield
        finally:
            self._release(token)

    def run_forever(self) -> None:
        """Runs until stopped; each run has the whole limit to itself.

        Raises:
            VirtualTimeLimitError: The run took more virtual time than the limit.
            VirtualTimeStallError: Outside work kept a timer from firing for too long.
        """
        self._run_began = self._now
        super().run_forever()

    def set_default_executor(self, executor: concurrent.futures.ThreadPoolExecutor) -> None:  # type: ignore[override]
        """Sets the threads for `run_in_executor(None, …)` and `asyncio.to_thread`."""
        super().set_default_executor(executor)
        self._threads = executor

    def run_in_executor(
        self,
        executor: concurrent.futures.Executor | None,
        func: Callable[[*_Ts], _T],
        *args: *_Ts,
    ) -> asyncio.Future[_T]:
        """Runs `func` in a thread or process; time stands still until it has returned."""
        noting = _NotingExecutor(executor or self._default_threads())
        future = super().run_in_executor(noting, func, *args)
        job = noting.job
        self._under_way[job] = f"executor job {_name(func)}"
        # Second in line, so the result is on its way to the loop before time is let go; and on
        # the job itself, which runs on when the one who awaits it is cancelled.
        job.add_done_callback(self._release)
        return future

    def _default_threads(self) -> concurrent.futures.Executor:
        if self._threads is None:
            threads = concurrent.futures.ThreadPoolExecutor(thread_name_prefix="asyncio")
            self.set_default_executor(threads)
            return threads
        return self._threads

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109
        """Waits, really and without a time-out, for the threads to end."""
        with self.hold("the end of the default executor"):
            await super().shutdown_default_executor()

    async def subprocess_shell(self, *args: Any, **kwargs: Any) -> Any:
        """Starts a shell; time stands still until it has ended."""
        return self._note_child(await super().subprocess_shell(*args, **kwargs))

    async def subprocess_exec(self, *args: Any, **kwargs: Any) -> Any:
        """Starts a program; time stands still until it has ended."""
        return self._note_child(await super().subprocess_exec(*args, **kwargs))

    def _note_child(self, child: tuple[asyncio.SubprocessTransport, Any]) -> Any:
        self._children.add(child[0])
        return child

    def _release(self, token: object) -> None:
        # A closed loop has no time to let go.
        with contextlib.suppress(RuntimeError):
            self.call_soon_threadsafe(self._under_way.pop, token, None)

    def _wait(self, select: _Select, timeout: float | None) -> _Ready:
        """What the selector does where an ordinary one would sleep: nothing is ready."""
        if timeout is None or not self._scheduled:
            return select(timeout)
        if self._outside_work():
            return self._wait_for_outside_work(select)
        if len(self._watched.get_map()) > self._own_watched and (ready := select(self._grace)):
            return ready
        self._jump()
        return []

    def _wait_for_outside_work(self, select: _Select) -> _Ready:
        end = time.monotonic() + self._patience
        while (left := end - time.monotonic()) > 0:
            # Nothing may be ready before the time is up: a signal ends a wait early.
            if ready := select(left):
                return ready
        raise VirtualTimeStallError(
            f"virtual time stood still at {self._now:g} s for {self._patience:g} real seconds,"
            f" held by {_some(self._outside_work())}. Time moves on when that ends: does it wait"
            f" for a timer of this loop? Waiting: {_some(self._tasks())}"
        )

    def _outside_work(self) -> list[str]:
        children = [
            f"child process {child.get_pid()}"
            for child in self._children
            if child.get_returncode() is None
        ]
        # anyio's threads are started past the loop, but each knows its loop and its fellows.
        threads = [
            thread.name
            for thread in threading.enumerate()
            if getattr(thread, "loop", None) is self
            and thread in getattr(thread, "workers", ())
            and thread not in getattr(thread, "idle_workers", ())
        ]
        return [*self._under_way.values(), *children, *threads]

    def _jump(self) -> None:
        then = self._scheduled[0].when()
        if then - self._run_began > self._limit:
            raise VirtualTimeLimitError(
                f"{self._now - self._run_began:g} virtual seconds have passed and the next timer"
                f" lies beyond the limit of {self._limit:g}: does something poll or sleep for"
                f" ever? If not, raise `limit`. Waiting: {_some(self._tasks())}"
            )
        self._now = then

    def _tasks(self) -> list[str]:
        return sorted(_whereabouts(task) for task in asyncio.all_tasks(self))


def loop_factory(
    start: float = 0.0, *, grace: float = GRACE_SECONDS, limit: float = LIMIT_SECONDS
) -> Callable[[], VirtualTimeLoop]:
    """Makes loops with these settings, for whoever asks for a factory: runners, test plugins."""
    return partial(VirtualTimeLoop, start, grace=grace, limit=limit)


def run(
    main: Coroutine[Any, Any, _T],
    *,
    start: float = 0.0,
    grace: float = GRACE_SECONDS,
    limit: float = LIMIT_SECONDS,
) -> _T:
    """Runs a coroutine in virtual time, like `asyncio.run`.

    Raises:
        VirtualTimeLimitError: The run took more virtual time than the limit.
        VirtualTimeStallError: Outside work kept a timer from firing for too long.
    """
    with asyncio.Runner(loop_factory=loop_factory(start, grace=grace, limit=limit)) as runner:
        return runner.run(main)


class _Selector(selectors.DefaultSelector):
    """Asks somebody else what to do where an ordinary selector would sleep."""

    def __init__(self, wait: Callable[[_Select, float | None], _Ready]) -> None:
        super().__init__()
        self._wait = wait

    def select(self, timeout: float | None = None) -> _Ready:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        return self._wait(super().select, timeout)


class _NotingExecutor(concurrent.futures.Executor):
    """Keeps the job that the loop starts in another executor."""

    def __init__(self, inner: concurrent.futures.Executor) -> None:
        self._inner = inner
        self.job: concurrent.futures.Future[Any]

    def submit(
        self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> concurrent.futures.Future[Any]:
        self.job = self._inner.submit(fn, *args, **kwargs)
        return self.job


def _name(job: Any) -> str:
    """What to call a job; `asyncio.to_thread` hides it behind `Context.run`."""
    while isinstance(job, partial):
        job = job.args[0] if job.args and callable(job.args[0]) else job.func
    return str(getattr(job, "__qualname__", repr(job)))


def _whereabouts(task: asyncio.Task[Any]) -> str:
    """Where a task is: `Task-3 at client.py:17`."""
    stack = task.get_stack(limit=1)
    if not stack:
        return task.get_name()
    return f"{task.get_name()} at {Path(stack[0].f_code.co_filename).name}:{stack[0].f_lineno}"


def _some(names: list[str]) -> str:
    more = ["…"] if len(names) > _NAMED_AT_MOST else []
    return ", ".join([*names[:_NAMED_AT_MOST], *more]) or "nothing"
