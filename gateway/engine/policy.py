"""What follows from an outcome, and when: pure decisions of the engine.

Times and pauses are microseconds.
"""

from random import Random
from typing import Final

import msgspec

from gateway.model.clock import SECOND
from gateway.model.job import JobError
from gateway.model.phases import Event
from providers.contract import Fault, Refused, Scope

THROTTLE: Final = (10 * SECOND, 30 * SECOND)
"""useapi.net: on a 429 wait in a loop for at least 10 to 30 seconds."""

PAUSE: Final = 300 * SECOND
"""How long an account that cannot work (bad key, no credits, on hold) gets no jobs."""

BACKOFF: Final = (5 * SECOND, 60 * SECOND)
SLOW_WATCH: Final = 300 * SECOND
"""Between two looks at a job that is past its deadline."""

DAY: Final = 86_400 * SECOND

LEASE: Final = 120 * SECOND
"""How long a stage may work on a job before the job is taken to be abandoned."""


UNREACHABLE: Final = "unreachable"
"""Why an account rests whose provider cannot be reached."""


class Consequence(msgspec.Struct, frozen=True, kw_only=True):
    """What a refusal does to the job and to the account.

    `cool` and `scope` say for how long which accounts get no job; `error` is set where the
    job has failed.
    """

    event: Event
    cool: int
    scope: Scope
    error: JobError | None = None


def after_refusal(refused: Refused, rng: Random) -> Consequence:
    """Only a refusal that is about the job itself ends it.

    A 429 rests the account for a while. An account that cannot work (bad key, no credits, on
    hold) rests longer, until somebody mends it; that is no fault of the jobs, which keep
    their place and go to another account where there is one.
    """
    if refused.retry:
        cool = throttle(refused.wait_seconds, rng)
        return Consequence(event=Event.THROTTLED, cool=cool, scope=refused.scope)
    if refused.scope is not Scope.JOB:
        return Consequence(event=Event.TURNED_AWAY, cool=PAUSE, scope=refused.scope)
    return Consequence(
        event=Event.REFUSED,
        cool=0,
        scope=refused.scope,
        error=JobError(code=refused.fault.value, message=refused.words),
    )


def throttle(asked_seconds: float | None, rng: Random) -> int:
    """How long a 429 cools an account: never less than asked, never less than 10 s."""
    low, high = THROTTLE
    asked = 0 if asked_seconds is None else round(min(asked_seconds, 86_400.0) * SECOND)
    if asked <= low:
        return round(rng.uniform(low, high))
    return round(asked * rng.uniform(1.0, 1.2))


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
        Fault.NO_CREDITS: f"account {account!r} has no credits left: top it up",
        Fault.ON_HOLD: f"account {account!r} is on hold at the provider: mend it there",
        Fault.UNAVAILABLE: "the provider's edge refuses the gateway's requests",
    }.get(fault, "")
