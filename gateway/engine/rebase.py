"""When the clock was set back: nothing waits for a time that only the wrong clock has named.

What lies further ahead than the engine ever puts it, or was put off later than now, was dated by
a clock that was ahead. It waits as long as if it had been dated just now: less would undercut
what providers ask for, or have two work at what one has in hand. So it does no harm to replicas
that live, nor when it is done again.

A clock that is behind only for now is not to be told from one that was ahead before. Deadlines
are then counted from it, and pass early once it goes forward again: people are asked too soon,
what has not started by its `routing.deadline` fails unpaid, nothing is paid twice.
"""

from collections.abc import Mapping
from itertools import count, takewhile
from typing import Final

from gateway.engine import clocks, policy, save, sources, watch
from gateway.engine.tools import Tools
from gateway.model.clock import SECOND
from gateway.model.phases import Phase
from gateway.storage import Connection, accounts, agenda, deliveries, orphans

LONGEST: Final[Mapping[Phase, int]] = {
    Phase.WAITING_FOR_INPUT: max(sources.LEASE, sources.SLOW_LOOK),
    Phase.WAITING_FOR_SLOT: policy.BACKOFF[1] * 6 // 5,
    # Where lists have many pages.
    Phase.SUBMISSION_UNKNOWN: 1800 * SECOND,
    Phase.RENDERING: policy.SLOW_WATCH,
    Phase.CANCELING: policy.SLOW_WATCH,
    Phase.DOWNLOADING: save.LEASE,
    Phase.NEEDS_ATTENTION: policy.DAY,
}
"""The longest pause that the engine makes in a phase: between two looks, or as a lease."""
LATE: Final = tuple(takewhile(lambda pause: pause < policy.DAY, map(policy.late_look, count())))
"""The pauses of an overdue job that are shorter than the longest, by its failures."""

LASTING: Final = 600.0
"""Seconds in which what was begun before the clock was set back may still name its times."""
PAUSE: Final = 60.0
"""Seconds between two looks at all jobs that there are."""


class Mending:
    """When to look for such times, here and of other replicas; in seconds of any clock."""

    def __init__(self) -> None:
        self._until = self._next = 0.0

    def begin(self, now: float) -> None:
        """The clock that all share was set back, or may have been: look now, and for a while."""
        self._until, self._next = now + LASTING, now

    def is_due(self, now: float) -> bool:
        """Whether to look now; the next time is after a pause."""
        if not self._next <= now < self._until:
            return False
        self._next = now + PAUSE
        return True


def rebase(connection: Connection, tools: Tools) -> None:
    """Have nothing wait longer than it would have to if it were put off now.

    By the database's time: should the machine sleep just before, our own would be behind.
    """
    now = tools.database.time(connection) + clocks.SKEW
    agenda.rebase_beginnings(connection, now)
    for phase, longest in LONGEST.items():
        agenda.rebase(connection, phase, now + max(longest, _pace(tools, phase)))
    for failures, pause in enumerate(LATE):
        agenda.rebase(connection, Phase.NEEDS_ATTENTION, now + pause, failures=failures)
    agenda.rebase_deadlines(connection, now, now + round(tools.pace.deadline_seconds * SECOND))
    orphans.rebase(connection, now + policy.DAY)
    accounts.rebase(connection, now, policy.LONGEST_REST)
    deliveries.rebase(connection, now, policy.DAY)


def _pace(tools: Tools, phase: Phase) -> int:
    """The longest pause that an operator asked for."""
    if phase not in watch.POLLED:
        return 0
    return round(max(map(tools.poll_seconds, tools.adapters), default=0.0) * 1.1 * SECOND)
