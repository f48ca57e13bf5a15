"""Named points where a test may kill the process; in production they do nothing.

Between any two lines of the engine the machine may lose its power. Each point names a place
where that has consequences of its own, and the tests kill a real gateway at every one of
them: `FILMGATE_CRASH=intent-stored` ends the process with SIGKILL when it gets there,
`FILMGATE_CRASH=stop:intent-stored` halts it with SIGSTOP instead, `…:3` on the third time.
"""

import os
import signal
from typing import Final

POINTS: Final = (
    "accept-storing",
    "accept-stored",
    "slot-binding",
    "slot-bound",
    "input-uploaded",
    "intent-storing",
    "intent-stored",
    "answer-read",
    "outcome-storing",
    "outcome-stored",
    "look-read",
    "end-storing",
    "end-stored",
    "film-fetched",
    "film-kept",
    "saved-storing",
    "saved-stored",
    "search-read",
    "adoption-stored",
    "notice-sent",
    "notice-stored",
    "callback-stored",
    "cancel-stored",
    "prune-stored",
)
"""Every point there is; `…-storing` is inside a transaction, `…-stored` after its commit."""


class _Plan:
    """What the environment asks for.

    Raises:
        ValueError: There is no such point, so whoever waits for it would wait in vain.
    """

    def __init__(self, told: str) -> None:
        parts = told.split(":")
        self.signal = signal.SIGSTOP if parts[0] == "stop" else signal.SIGKILL
        parts = parts[1:] if parts[0] == "stop" else parts
        self.name = parts[0]
        self.left = int(parts[1]) if len(parts) > 1 else 1
        if self.name not in POINTS:
            raise ValueError(f"FILMGATE_CRASH: there is no {self.name!r}, only {', '.join(POINTS)}")


_told: Final = os.environ.get("FILMGATE_CRASH")
_plan: Final = None if _told is None else _Plan(_told)


def crash_point(name: str) -> None:
    """Die here, if a test asked for it."""
    if _plan is None or name != _plan.name:
        return
    _plan.left -= 1
    if _plan.left == 0:
        os.kill(os.getpid(), _plan.signal)
