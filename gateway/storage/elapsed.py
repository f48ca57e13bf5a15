"""How long something took, on a clock that goes on while the machine sleeps."""

import time
from typing import Final

# Where there is none, a machine that slept is not noticed here.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def elapsed() -> float:
    """Seconds since some moment in the past; only differences mean something."""
    return time.clock_gettime(_CLOCK)
