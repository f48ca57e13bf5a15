"""Time as a dependency."""

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, Protocol

SECOND: Final = 1_000_000
"""Microseconds: the unit of every time and every pause in the engine and the database."""


class Clock(Protocol):
    """Tells the time. Nothing below the composition root asks the machine directly."""

    def now(self) -> int:
        """Microseconds since 1970, UTC."""
        ...


def http_time(text: str) -> int | None:
    """The date of an HTTP header in microseconds since 1970; None where it is none.

    Never raises, whatever was sent. UTC where it says none.
    """
    try:
        told = parsedate_to_datetime(text)
        return round((told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp() * SECOND)
    except (TypeError, ValueError, OverflowError):
        return None
