"""An event loop in a thread of its own, for code that cannot await."""

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import Any, TypeVar

from mockserver.engine.tasks import cancel, others
from mockserver.ways.home import Homely

T = TypeVar("T")

CLOSING_SECONDS = 5.0


class Portal:
    """The loop; it runs until the process ends."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        """The process that the thread is of; a forked child has none."""
        self.loop: asyncio.AbstractEventLoop
        self._ending: asyncio.Event
        ready = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(ready,), name="mock portal", daemon=True
        )
        self._thread.start()
        ready.wait()
        atexit.register(self.close)

    def _run(self, ready: threading.Event) -> None:
        # Not by `asyncio.run`: it waits for worker threads in one more thread, which a process
        # that ends may not begin, and has no need of, as the workers have ended before.
        with closing(asyncio.new_event_loop()) as loop:
            loop.run_until_complete(self._live(ready))

    async def _live(self, ready: threading.Event) -> None:
        self.loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        ready.set()
        await self._ending.wait()
        left = others(asyncio.all_tasks())
        cancel(left)
        if left:
            await asyncio.wait(left)
        await self.loop.shutdown_asyncgens()

    def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Runs a coroutine there and waits for its end.

        Raises:
            RuntimeError: the portal's own thread asks, and would wait for itself.
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError(
                "code that does not await was called back by the mock and calls the mock in turn:"
                " run it in a thread of its own, as by `asyncio.to_thread`"
            )
        future = asyncio.run_coroutine_threadsafe(work(), self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Ends the loop, what runs on it included."""
        if self.pid == os.getpid() and self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(CLOSING_SECONDS)


_lock = threading.Lock()
_portals: list[Portal] = []


def move_in(world: Homely) -> None:
    """Has a world live in the portal from now on, unless it has a home."""
    if world.home is None:
        world.home = portal().loop


def portal() -> Portal:
    """The one portal of this process, made when first needed."""
    with _lock:
        if not _portals or _portals[-1].pid != os.getpid():
            _portals.append(Portal())
        return _portals[-1]
