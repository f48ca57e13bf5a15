"""Work that several tasks of this process want: one at a time, or one for all."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Hashable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Locks:
    """A lock for each key, there for as long as somebody wants it."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, asyncio.Lock] = {}
        self._wanted: Counter[Hashable] = Counter()

    @asynccontextmanager
    async def hold(self, key: Hashable) -> AsyncIterator[None]:
        """Nobody else is inside with the same key."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        self._wanted[key] += 1
        try:
            async with lock:
                yield
        finally:
            self._wanted[key] -= 1
            if not self._wanted[key]:
                del self._wanted[key], self._locks[key]


class Turns(Generic[T]):
    """One turn at a time for each key; whatever comes during one is done together in the next."""

    def __init__(self) -> None:
        self._locks = Locks()
        self._waiting: dict[Hashable, list[T]] = {}

    async def do(
        self, key: Hashable, some: Sequence[T], work: Callable[[Sequence[T]], Awaitable[None]]
    ) -> None:
        """Return when these are done, by this `work` or by that of another who asked for it."""
        self._waiting.setdefault(key, []).extend(some)
        async with self._locks.hold(key):
            if together := self._waiting.pop(key, None):
                await work(together)


class Shared(Generic[T]):
    """Whoever asks for the same thing while it is being made gets the same answer."""

    def __init__(self) -> None:
        self._making: dict[Hashable, asyncio.Task[T]] = {}
        self._asking: Counter[asyncio.Task[T]] = Counter()

    async def ask(self, key: Hashable, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The answer, or the error, of making it once; cut when nobody asks any more."""
        task = self._making.get(key)
        if task is None:
            task = self._making[key] = asyncio.create_task(make())
        self._asking[task] += 1
        try:
            return await asyncio.shield(task)
        finally:
            self._asking[task] -= 1
            if not self._asking[task]:
                del self._asking[task]
                if self._making.get(key) is task:
                    del self._making[key]
                if not task.done():
                    task.cancel()
                    await asyncio.wait([task])
