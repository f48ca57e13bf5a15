"""Tasks of the event loop that runs, which may not be the one that a world began on."""

import asyncio
from collections.abc import Iterable


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that this runs on; None outside of one."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def others(tasks: Iterable[asyncio.Task[None]]) -> list[asyncio.Task[None]]:
    """The tasks of the running loop without the one that asks, which cannot wait for itself."""
    loop = running_loop()
    if loop is None:
        return []
    mine = asyncio.current_task()
    return [task for task in tuple(tasks) if task.get_loop() is loop and task is not mine]


def cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancels them all, without a wait for their ends."""
    for task in tasks:
        task.cancel()
