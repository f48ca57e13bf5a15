"""Virtual time: seconds since a world began, in whole milliseconds."""

import asyncio
import weakref
from datetime import UTC, datetime, timedelta
from typing import Protocol

from mockserver.settings import ClockKind

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""What the calendar shows when a world begins whose time is moved by hand."""


class Clock(Protocol):
    """Everything in the engine asks this for the time and nothing else."""

    kind: ClockKind
    speed: float
    """Virtual seconds per second; 0 where time does not go by itself."""

    def now(self) -> float:
        """Virtual seconds since the start."""

    def utc(self, at: float) -> datetime:
        """The calendar time of a moment in virtual seconds."""

    def put(self, at: float) -> None:
        """Moves time forward to `at`; never backwards."""

    def go(self) -> None:
        """Has a fork go on from here, on the running loop; any other clock goes already."""

    def fork(self) -> "Clock":
        """A clock that shows the same, and stands until it is told to go."""


def whole(seconds: float) -> float:
    """Rounded to milliseconds, so that sums of times repeat."""
    return round(seconds, 3)


class WallClock:
    """The event loop's time, `speed` virtual seconds to the second.

    On an ordinary loop that is the wall's; on one whose time is virtual, so is this clock's.
    Outside any loop it stands still. Where another loop takes over, the time in between counts if
    both have the wall's time; else it goes on from what it showed.
    Within one turn of the loop it shows the same to everybody, so that what is done at one stroke
    is done at one moment.
    """

    def __init__(
        self, speed: float = 1.0, kind: ClockKind = "real", epoch: datetime | None = None
    ) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be above 0, got {speed}")
        self.kind = kind
        self.speed = speed
        self._epoch = epoch or datetime.now(UTC)
        self._shown = 0.0
        self._since = 0.0
        self._loop: weakref.ref[asyncio.AbstractEventLoop] | None = None
        self._by_wall = False
        """Whether the loop that it last went by has the wall's time."""
        self._stands = False
        self._waits = False

    def now(self) -> float:
        """Virtual seconds since the clock was first looked at, or since its virtual loop began."""
        if self._waits:
            return whole(self._shown)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return whole(self._shown)
        known = self._loop is not None and self._loop() is loop
        if known and self._stands:
            return whole(self._shown)
        time = loop.time()
        began: float | None = getattr(loop, "began", None)
        if known or (self._by_wall and began is None):
            self._shown += (time - self._since) * self.speed
        elif self._loop is None and began is not None:
            # On a loop of virtual time the world is as old as the loop.
            self._shown += (time - began) * self.speed
        self._take(loop, time)
        return whole(self._shown)

    def _take(self, loop: asyncio.AbstractEventLoop, time: float) -> None:
        self._loop = weakref.ref(loop)
        self._by_wall = not hasattr(loop, "began")
        self._since = time
        self._stands = True
        loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        self._stands = False

    def utc(self, at: float) -> datetime:
        """Counted from the epoch."""
        return self._epoch + timedelta(seconds=at)

    def put(self, at: float) -> None:
        """Jumps ahead."""
        self._shown = max(self.now(), at)

    def go(self) -> None:
        """Has a fork go on from here, by the running loop."""
        if self._waits:
            self._waits = False
            loop = asyncio.get_running_loop()
            self._take(loop, loop.time())

    def fork(self) -> "WallClock":
        """A clock that shows the same, and stands until it is told to go."""
        clock = WallClock(self.speed, self.kind, self._epoch)
        clock._shown = self.now()
        clock._waits = True
        return clock


class HandClock:
    """Stands still until it is put; its epoch is fixed, so runs repeat to the second."""

    speed = 0.0

    def __init__(self, kind: ClockKind = "frozen", epoch: datetime | None = None) -> None:
        self.kind = kind
        self._epoch = epoch or EPOCH
        self._now = 0.0

    def now(self) -> float:
        """Where the clock was last put."""
        return self._now

    def utc(self, at: float) -> datetime:
        """Counted from the epoch."""
        return self._epoch + timedelta(seconds=at)

    def put(self, at: float) -> None:
        """Moves to `at`; never backwards."""
        self._now = max(self._now, whole(at))

    def go(self) -> None:
        """Changes nothing: it goes only as it is put."""

    def fork(self) -> "HandClock":
        """A clock that shows the same."""
        clock = HandClock(self.kind, self._epoch)
        clock._now = self._now
        return clock


def iso(moment: datetime, *, milliseconds: bool = False) -> str:
    """A moment as providers print it: `2026-01-01T00:00:00Z`."""
    text = moment.isoformat(timespec="milliseconds" if milliseconds else "seconds")
    return text.replace("+00:00", "Z")
