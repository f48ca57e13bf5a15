"""What crossed the wire, both ways, in one numbering. No keys, no headers."""

from itertools import count

import msgspec


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """A request that came in and how it was answered."""

    n: int
    at: float
    method: str
    path: str
    operation: str
    status: int
    job: str | None = None
    lost: bool = False
    """The answer was cut off on purpose: the client never read it whole."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A callback that went out, or did not, and what the receiver said."""

    n: int
    at: float
    job: str
    url: str
    sent: object
    """The JSON body."""
    status: int | None = None
    answer: str = ""
    """The start of the receiver's answer."""
    error: str | None = None


class Journal:
    """Requests and deliveries; `n` orders them across both lists."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.requests: list[Exchange] = []
        self.deliveries: list[Delivery] = []

    def next_number(self) -> int:
        """The number of the next line, of either kind."""
        return next(self._numbers)
