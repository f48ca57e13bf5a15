"""Which free slot a job should take."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from gateway.model.job import Choice


class Slot(Protocol):
    """A slot that is free now."""

    @property
    def provider(self) -> str:
        """The provider of the slot's account."""
        ...


S = TypeVar("S", bound=Slot)


def choose(choices: Sequence[Choice], free: Sequence[S]) -> tuple[int, S] | None:
    """The first of the job's choices that has a free slot, and that slot."""
    for index, choice in enumerate(choices):
        for slot in free:
            if slot.provider == choice.provider:
                return index, slot
    return None
