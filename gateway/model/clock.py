"""Time as a dependency."""

from typing import Final, Protocol

SECOND: Final = 1_000_000
"""Microseconds: the unit of every time and every pause in the engine and the database."""


class Clock(Protocol):
    """Tells the time. Nothing below the composition root asks the machine directly."""

    def now(self) -> int:
        """Microseconds since 1970, UTC."""
        ...
