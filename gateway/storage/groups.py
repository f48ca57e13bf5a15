"""Who waits together: what was asked of a thread, what became of it, and who is told."""

import queue
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Connection


class Work(NamedTuple):
    """What is to be run, and who waits for it; `alone` wants a transaction to itself."""

    run: Callable[[Connection], Any]
    done: Future[Any] | None = None
    alone: bool = False
    then: Callable[[], None] = lambda: None
    """What to call when it is stored, or has failed, on the thread that ran it."""


Asking: TypeAlias = queue.SimpleQueue[Work | None]
"""What is asked of a thread, in order; None has it end."""


class Told(NamedTuple):
    """What became of it: its answer, or the error."""

    work: Work
    answer: Any = None
    error: Exception | None = None


def grouped(asking: Asking, first: Work, most: int) -> tuple[list[Work], list[Work | None]]:
    """What waits and can go along with the first; and what was next, if that cannot."""
    group = [first]
    while not first.alone and len(group) < most:
        try:
            following = asking.get_nowait()
        except queue.Empty:
            break
        if following is None or following.alone:
            return group, [following]
        group.append(following)
    return group, []


def tell(told: Sequence[Told]) -> None:
    """Answer all of a group at once: to wake a loop for each takes longer than to write it."""
    asking: dict[AbstractEventLoop, list[Told]] = {}
    for one in told:
        # A writer that ended over somebody's wish would leave everybody else waiting.
        with suppress(Exception):
            one.work.then()
        if one.work.done is not None:
            asking.setdefault(one.work.done.get_loop(), []).append(one)
    for loop, answers in asking.items():
        # A loop that is closed has nobody left who asks.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, answers)


def _settle(told: Sequence[Told]) -> None:
    for work, answer, error in told:
        if work.done is None or work.done.done():
            continue
        if error is None:
            work.done.set_result(answer)
        else:
            work.done.set_exception(error)
