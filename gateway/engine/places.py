"""Places for work that waits for somebody else: so many in all, and so many for each of these.

One that hangs takes its own places, and leaves the others theirs.
"""

from collections import Counter


class Places:
    """What is under way now.

    Args:
        total: How much may be under way at the same time.
        each: How much of that in one lane: with one host, or one provider.
    """

    def __init__(self, total: int, each: int) -> None:
        self.left = total
        self._each = each
        self._taken: Counter[str] = Counter()

    def free(self, lane: str) -> int:
        """How many places a lane has left, as long as there are some in all."""
        return self._each - self._taken[lane]

    @property
    def scarce(self) -> bool:
        """Whether anything may have to wait for a place."""
        return self.left <= 0 or any(taken >= self._each for taken in self._taken.values())

    def take(self, lane: str) -> None:
        """Take a place in a lane."""
        self.left -= 1
        self._taken[lane] += 1

    def give_back(self, lane: str) -> None:
        """Take back one `take`."""
        self.left += 1
        self._taken[lane] -= 1
        if not self._taken[lane]:
            del self._taken[lane]
