"""How far an attempt gets, as its row says."""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """How far an attempt got.

    `SENDING` is the intent: committed before the paid request leaves, so that after a crash
    it reads "may have been sent". `OVERDUE` attempts are watched on, without a slot.
    """

    PREPARING = "preparing"
    SENDING = "sending"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    OVERDUE = "overdue"
    ENDED = "ended"


IN_FLIGHT: Final = (State.PREPARING, State.SENDING, State.ACCEPTED, State.UNKNOWN)
"""These hold a slot."""
IN_HAND: Final = (State.PREPARING, State.SENDING)
"""A task of some replica has these."""
AT_PROVIDER: Final = (State.SENDING, State.ACCEPTED, State.UNKNOWN)
"""These may be running at the provider."""
