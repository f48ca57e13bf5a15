"""What follows from an outcome, and when: pure decisions of the engine.

Times and pauses are microseconds.
"""

from random import Random
from typing import Final

import msgspec

from gateway.model.clock import SECOND
from gateway.model.job import JobError
from gateway.model.phases import Event
from providers.contract import BLAME, Blame, Fault, Refused, Scope

BACKOFF: Final = (5 * SECOND, 60 * SECOND)
SLOW_WATCH: Final = 300 * SECOND
"""Between two looks at a job that is past its deadline."""

DAY: Final = 86_400 * SECOND

LEASE: Final = 120 * SECOND
"""How long a stage may work on a job before the job is taken to be abandoned."""


UNREACHABLE: Final = "unreachable"
"""Why an account rests whose provider cannot be reached."""


class Consequence(msgspec.Struct, frozen=True, kw_only=True):
    """What a refusal does to the job; `error` is set where the job has failed."""

    event: Event
    error: JobError | None = None


def after_refusal(refused: Refused) -> Consequence:
    """Only a refusal that is about the job itself ends it.

    A 429 rests the account for a while. An account that cannot work (bad key, no credits, on
    hold) rests longer, until somebody mends it; that is no fault of the jobs, which stay in
    line and go to another account where there is one. The one that was tried lets the others
    go first, for it may be the only one that is refused so.
    """
    if refused.retry:
        return Consequence(event=Event.THROTTLED)
    if refused.scope is not Scope.JOB:
        return Consequence(event=Event.TURNED_AWAY)
    error = JobError(code=refused.fault.value, message=refused.words)
    return Consequence(event=Event.REFUSED, error=error)


def doubts_uploads(refused: Refused) -> bool:
    """Whether a refusal may be over a picture that the provider no longer keeps.

    So may one of an account that is not known: a 404 does not say what was not found.
    """
    return after_refusal(refused).error is not None or refused.fault is Fault.UNKNOWN_ACCOUNT


def rest_after_failure(fault: Fault, usual: int) -> int:
    """How long an account rests after a job of it failed; 0 unless the operator has to act."""
    return usual if BLAME[fault] is Blame.OPERATOR else 0


def rest(refused: Refused, before: int, usual: int, rng: Random) -> int:
    """How long a refusal that ends no job rests the accounts it is about.

    That is `usual` where somebody has to mend the account. After a 429, `before` of which
    came in a row, it is what the provider's documentation says, doubling; never less than
    its first pause, and never less than it asked for.
    """
    if not refused.retry:
        return usual
    first, most = (seconds * SECOND for seconds in refused.pause)
    pause = min(first * 2 ** min(before, 20), most)
    pause = rng.uniform(max(first, pause * 0.8), max(first, min(pause * 1.2, most)))
    asked = min(refused.wait_seconds or 0.0, 86_400.0) * SECOND
    return round(pause if asked < pause else asked * rng.uniform(1.0, 1.2))


def backoff(failures: int, rng: Random) -> int:
    """5 s doubling to 60 s, plus up to a fifth, after the nth failure in a row (from 1)."""
    first, most = BACKOFF
    pause = min(first << min(failures - 1, 10), most)
    return round(pause * rng.uniform(1.0, 1.2))


def next_look(pace_seconds: float, asked_seconds: float | None, rng: Random) -> int:
    """The pause before the next poll: the provider's pace with jitter, or what it asked for.

    A wish is honoured up to five minutes: a look costs the provider next to nothing, and a
    paid video must not be forgotten over one odd answer.
    """
    pause = pace_seconds * rng.uniform(0.9, 1.1)
    return round(max(pause * SECOND, min((asked_seconds or 0.0) * SECOND, SLOW_WATCH)))


def late_look(failures: int) -> int:
    """Between two looks at an overdue job: 5 minutes, doubling to a day with each failed save."""
    return min(SLOW_WATCH << min(failures, 10), DAY)


def advice(fault: Fault, account: str) -> str:
    """What an operator should do about a fault of an account."""
    return {
        Fault.UNAUTHORIZED: f"check the api_key of account {account!r}",
        Fault.NO_SUBSCRIPTION: f"the subscription of account {account!r} has lapsed: renew it",
        Fault.UNKNOWN_ACCOUNT: f"the provider does not know account {account!r}: check its email",
        Fault.NO_CREDITS: f"account {account!r} has no credits left: top it up",
        Fault.ON_HOLD: f"account {account!r} is on hold at the provider: mend it there",
        Fault.BLOCKED: (
            "the provider's edge refuses the gateway's requests: ask the provider to let its "
            "address through"
        ),
    }.get(fault, "")
