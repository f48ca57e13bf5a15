"""How many jobs an account may have in flight: what it proved to carry, at most `max_jobs`.

A provider may run fewer jobs than an account is said to have, because others use the key or
its plan changed. A 429 lowers the limit to what was running then; time without one raises it
again, one job at a time. None stands for a limit that was never lowered. Times and pauses
are microseconds.
"""

from typing import Final

from gateway.model.clock import SECOND

RAISE_AFTER: Final = 300 * SECOND
"""How long after the last change of a limit one job more is tried."""


def effective(allowed: int | None, max_jobs: int) -> int:
    """How many jobs the account may have now; at least 1, so that it can prove itself."""
    return max(1, max_jobs if allowed is None else min(allowed, max_jobs))


def fallen(allowed: int | None, max_jobs: int, carried: int) -> int:
    """The limit after a 429, when the provider had accepted `carried` jobs in flight.

    It never rises by that: who still runs more than it may is not told to take more.
    """
    return max(1, min(carried, effective(allowed, max_jobs)))


def risen(allowed: int | None, max_jobs: int, since: int, now: int, *, proven: bool = True) -> int:
    """The limit at `now`, which last changed, or met a 429, at `since`.

    `proven` says that it was used to the full meanwhile, or that a job was accepted just
    now; an account that nobody asked for more proves nothing. One job more at a time:
    whoever stores it stores `now` with it, and None in its place once it is `max_jobs`.
    """
    limit = effective(allowed, max_jobs)
    due = proven and now - since >= RAISE_AFTER
    return min(limit + 1, max(max_jobs, 1)) if due else limit
