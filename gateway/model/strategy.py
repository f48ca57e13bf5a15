"""How one of several targets is chosen."""

from enum import StrEnum


class Strategy(StrEnum):
    """In which order the targets of a route get a job."""

    PRIORITY = "priority"
    """As they are listed: a later one only where no earlier one has a free slot."""
    LEAST_BUSY = "least_busy"
    """Whoever has the account with the most room when a slot is given."""
    CHEAPEST = "cheapest"
    """By price, the lowest first."""
    WEIGHTED = "weighted"
    """By chance, each in proportion to its weight."""
