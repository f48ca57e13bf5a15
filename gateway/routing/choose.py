"""Which free slot a job should take."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from gateway.model.job import Choice
from gateway.model.strategy import Strategy


class Slot(Protocol):
    """A slot that is free now."""

    @property
    def provider(self) -> str:
        """The provider of the slot's account."""
        ...

    @property
    def account(self) -> str:
        """The name of that account."""
        ...

    @property
    def load(self) -> float:
        """How full it is: slots taken to slots it may have."""
        ...


S = TypeVar("S", bound=Slot)


def choose(
    choices: Sequence[Choice], free: Sequence[S], strategy: Strategy = Strategy.PRIORITY
) -> tuple[int, S] | None:
    """Which of the job's choices gets which free slot; None where none of them has one.

    The first choice that has one, on that provider's account with the least load, then by
    name. With `LEAST_BUSY` the least load over all choices of the lowest tier that has one;
    where they are equal, the first choice.
    """
    places: dict[str, int] = {}
    for index, choice in enumerate(choices):
        places.setdefault(choice.provider, index)

    def rank(slot: S) -> tuple[int, float, int, str]:
        place = places[slot.provider]
        level = choices[place].tier if strategy is Strategy.LEAST_BUSY else place
        return level, slot.load, place, slot.account

    fitting = (slot for slot in free if slot.provider in places)
    best = min(fitting, key=rank, default=None)
    return None if best is None else (places[best.provider], best)
