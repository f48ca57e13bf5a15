"""Where a world lives: on any loop that asks, or, served or not awaited, on one of a thread.

A world is no place for two threads at once. Whoever speaks to one that has a home from another
loop is brought there and back, so that a test may move the time of a world that is being served.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

T = TypeVar("T")
P = ParamSpec("P")


class Homely(Protocol):
    """Something that may have a home."""

    home: asyncio.AbstractEventLoop | None


H = TypeVar("H", bound=Homely)


async def there(who: Homely, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Does some work on the loop where somebody lives, whichever loop asks."""
    home, here = who.home, asyncio.get_running_loop()
    if home is None or home is here:
        return await work()
    future = asyncio.run_coroutine_threadsafe(work(), home)
    # A loop in virtual time does not see the other thread and would run ahead of it.
    hold: Callable[[], Any] = getattr(here, "hold", nullcontext)
    with hold():
        return await asyncio.wrap_future(future)


def at_home(
    method: Callable[Concatenate[H, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[H, P], Coroutine[Any, Any, T]]:
    """Runs a method on the loop where its object lives, whichever loop asks."""

    @wraps(method)
    async def brought(self: H, *args: P.args, **kwargs: P.kwargs) -> T:
        return await there(self, lambda: method(self, *args, **kwargs))

    return cast("Callable[Concatenate[H, P], Coroutine[Any, Any, T]]", brought)
