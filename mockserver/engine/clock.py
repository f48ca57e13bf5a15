"""Virtual time: seconds since the start of the mock, moved by the wall or by hand."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from mockserver.settings import ClockKind

MANUAL_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Everything in the engine asks this for the time and nothing else."""

    kind: ClockKind
    speed: float

    def now(self) -> float:
        """Virtual seconds since the start."""

    def utc(self, at: float) -> datetime:
        """The calendar time of a moment in virtual seconds."""


class WallClock:
    """Wall time, `speed` virtual seconds to the second."""

    def __init__(self, speed: float = 1.0, kind: ClockKind = "real") -> None:
        if speed <= 0:
            raise ValueError(f"speed must be above 0, got {speed}")
        self.kind = kind
        self.speed = speed
        self._started = time.monotonic()
        self._epoch = datetime.now(UTC)

    def now(self) -> float:
        """Virtual seconds since the clock was made."""
        return (time.monotonic() - self._started) * self.speed

    def utc(self, at: float) -> datetime:
        """Counted from the wall time at which the clock was made."""
        return self._epoch + timedelta(seconds=at)


class ManualClock:
    """Stands still until it is set; its epoch is fixed, so runs repeat to the second."""

    kind: ClockKind = "manual"
    speed = 0.0

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """Where the clock was last put."""
        return self._now

    def utc(self, at: float) -> datetime:
        """Counted from the start of 2026."""
        return MANUAL_EPOCH + timedelta(seconds=at)

    def put(self, at: float) -> None:
        """Moves to `at`; never backwards."""
        self._now = max(self._now, at)


def iso(moment: datetime, *, milliseconds: bool = False) -> str:
    """A moment as providers print it: `2026-01-01T00:00:00Z`."""
    text = moment.isoformat(timespec="milliseconds" if milliseconds else "seconds")
    return text.replace("+00:00", "Z")
