"""What is still to come, as data: copied when a world is forked, kept when it is saved."""

import heapq
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple


class Due(NamedTuple):
    """Something that happens at a moment of virtual time."""

    at: float
    n: int
    """Order of arrival, which decides between things due at one moment."""
    lane: str
    """Things of one lane, a job, happen one after the other."""
    what: str
    """A name in the engine's table of deeds."""
    subject: Any
    """What the deed is done to: plain data."""


class Agenda:
    """Things by due time, then by order of arrival."""

    def __init__(self) -> None:
        self._heap: list[Due] = []
        self._arrivals = 0

    def add(self, at: float, lane: str, what: str, subject: Any) -> Due:
        """Notes one thing."""
        self._arrivals += 1
        due = Due(at, self._arrivals, lane, what, subject)
        heapq.heappush(self._heap, due)
        return due

    def next_due(self) -> float | None:
        """When the first one is due; None when there is none."""
        return self._heap[0].at if self._heap else None

    def pop(self) -> Due:
        """Takes the first one out."""
        return heapq.heappop(self._heap)

    def take(self, n: int) -> Due | None:
        """Takes one out by its number; None when it is not there."""
        if self._heap and self._heap[0].n == n:
            return self.pop()
        found = next((due for due in self._heap if due.n == n), None)
        if found is not None:
            self._heap.remove(found)
            heapq.heapify(self._heap)
        return found

    def clear(self) -> None:
        """Forgets all."""
        self._heap.clear()

    def __iter__(self) -> Iterator[Due]:
        """What is still to come, first things first."""
        return iter(sorted(self._heap))

    def __len__(self) -> int:
        return len(self._heap)

    def fork(self, also: Iterable[Due] = ()) -> "Agenda":
        """The same things, to be gone through separately.

        Args:
            also: what was taken out already and is to be in the copy all the same.
        """
        agenda = Agenda()
        agenda._heap = [*self._heap, *also]
        heapq.heapify(agenda._heap)
        agenda._arrivals = self._arrivals
        return agenda
