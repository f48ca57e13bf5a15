"""Synchronous clients in virtual time: their `time.sleep` moves a clock instead of waiting.

Only what looks `sleep` up in the module `time` at each call is reached: a client that did
`from time import sleep`, or took `time.sleep` as a default argument, before holds the real one.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import TracebackType
from typing import Any, NamedTuple, Self

from mockserver.testing.patching import SharedPatch, Target

_NANOSECONDS = 1_000_000_000


class Sleeping:
    """Turns `time.sleep(seconds)` into `advance(seconds)`, for the threads that enter it.

    All other threads keep the real functions, and so do `advance` and `clock` while they run. In
    a nested use the innermost one is asked; where that has no clock, the next one that has.

    Args:
        advance: Called with the seconds, in place of sleeping; it returns when time has moved.
        clock: Virtual seconds. With it `time.monotonic` and `time.time` (and their `_ns` sisters)
            follow it, so that deadlines which the client computes agree with its sleep. Not for a
            thread that runs an event loop: the loop would see time stand still.
        epoch: What `time.time()` says when `clock()` is 0; by default `time.time()` goes on from
            where it is on entry.
    """

    def __init__(
        self,
        advance: Callable[[float], object],
        *,
        clock: Callable[[], float] | None = None,
        epoch: float | None = None,
    ) -> None:
        self._advance = advance
        self._clock = clock
        self._epoch = epoch

    def __enter__(self) -> Self:
        epoch = self._epoch
        if epoch is None:
            epoch = time.time() - self._reading()
        _PATCH.acquire()
        _mine.entered = [*_entered(), _Entered(self._advance, self._clock, epoch)]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _mine.entered = _entered()[:-1]
        _PATCH.release()

    def _reading(self) -> float:
        with _outside():
            return self._clock() if self._clock else 0.0


class _Entered(NamedTuple):
    advance: Callable[[float], object]
    clock: Callable[[], float] | None
    epoch: float


_mine = threading.local()


def _entered() -> list[_Entered]:
    """What this thread has entered, outermost first."""
    found: list[_Entered] = getattr(_mine, "entered", [])
    return found


@contextmanager
def _outside() -> Iterator[None]:
    """This thread as if it had entered nothing."""
    entered, _mine.entered = _entered(), []
    try:
        yield
    finally:
        _mine.entered = entered


def _sleep(real: Callable[[float], None]) -> Callable[[float], None]:
    @wraps(real)
    def sleep(seconds: float, /) -> None:
        entered = _entered()
        if not entered:
            real(seconds)
            return
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        with _outside():
            entered[-1].advance(float(seconds))

    return sleep


def _reading(convert: Callable[[float, float], float]) -> Callable[[Any], Any]:
    """Makes replacements that read the clock; `convert` gets its reading and the epoch."""

    def replace(real: Callable[[], float]) -> Callable[[], float]:
        @wraps(real)
        def read() -> float:
            for one in reversed(_entered()):
                if one.clock is not None:
                    with _outside():
                        return convert(one.clock(), one.epoch)
            return real()

        return read

    return replace


def _whole(seconds: float) -> int:
    return round(seconds * _NANOSECONDS)


_PATCH = SharedPatch(
    Target(time, "sleep", _sleep),
    Target(time, "monotonic", _reading(lambda now, _: now)),
    Target(time, "monotonic_ns", _reading(lambda now, _: _whole(now))),
    Target(time, "time", _reading(lambda now, epoch: epoch + now)),
    Target(time, "time_ns", _reading(lambda now, epoch: _whole(epoch + now))),
)
