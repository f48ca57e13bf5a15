"""What follows from an outcome, and when: pure decisions of the engine.

Times and pauses are microseconds.
"""

from collections.abc import Sequence
from itertools import dropwhile, takewhile
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

OWN_TROUBLE: Final = 60 * SECOND
"""Before what only trouble of our own stopped, such as a full disk, is tried again."""

DAY: Final = 86_400 * SECOND

FIRST_SEARCH: Final = 15 * SECOND
"""From a lost answer to the first search for its job."""
SEARCH: Final = (40, 50)
"""Seconds between two searches of an account that take two lists, while a lost job may yet be
proved not made."""
LISTS: Final = 3
"""How many lists, or pages of them, an account is asked for in a minute at most."""
USUAL_SETTLE: Final = 600 * SECOND
"""What these paces suit; where less time is given to settle, they are as much quicker."""
LOOKS: Final = 3
"""Whole searches in a row that have to miss a job before it counts as not made."""
PROVABLE: Final = DAY
"""What was sent longer ago is never proved to be not made: lists may have dropped it since."""
NEVER_MADE: Final = 3
"""Submissions of a job that were not answered, and made nothing, before people are asked."""
CALLBACK_FRESH: Final = 5 * SECOND
"""A look that began no later than this after a callback is owed to it."""
CALLBACKS_TRUSTED: Final = 3
"""Ends in a row of which a callback told, before polls grow rarer."""
MOST_STRETCH: Final = 3.0
SLOWEST: Final = 30.0
"""Seconds: polls are not stretched beyond this."""

LEASE: Final = 120 * SECOND
"""How long a stage may work on a job before the job is taken to be abandoned."""


LONGEST_REST: Final = DAY * 6 // 5
"""No account rests longer, unless an operator says so: providers ask for a day at most."""
UNREACHABLE: Final = "unreachable"
"""Why an account rests whose provider cannot be reached."""


class Consequence(msgspec.Struct, frozen=True, kw_only=True):
    """What a refusal does to the job; `error` is set where the job has failed."""

    event: Event
    error: JobError | None = None


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """How a provider's door took jobs before it refused one.

    Attributes:
        shut: How many it has refused since it let one through.
        others: Whether one of those was another job.
        picks: It refused this very job before, and has let others through since.
    """

    shut: int
    others: bool
    picks: bool


def door(job_id: str, answers: Sequence[tuple[str, bool]]) -> Door:
    """What the door's last answers say: jobs, and whether it let them through, newest first."""
    shut = [job for job, _ in takewhile(lambda one: not one[1], answers)]
    since = dropwhile(lambda one: not one[1] or one[0] == job_id, answers)
    return Door(
        shut=len(shut),
        others=any(job != job_id for job in shut),
        picks=any(one == (job_id, False) for one in since),
    )


def after_refusal(refused: Refused, at: Door | None = None) -> Consequence:
    """Only a refusal that is about the job itself ends it.

    A 429 rests the account for a while. An account that cannot work (bad key, no credits, on
    hold) rests longer, until somebody mends it; that is no fault of the jobs, which stay in
    line and go to another account where there is one. The one that was tried lets the others
    go first, for it may be the only one that is refused so. Where that shows `at` the provider's
    door, it is about the job.
    """
    if at is not None and at.picks:
        words = f"the provider's door refused it again, and lets others through: {refused.words}"
        error = JobError(code=Fault.INVALID_REQUEST.value, message=words)
        return Consequence(event=Event.REFUSED, error=error)
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


def rest(refused: Refused, before: int, usual: int, rng: Random, at: Door | None = None) -> int:
    """How long a refusal that ends no job rests the accounts it is about.

    That is `usual` where somebody has to mend the account; less as long as the provider's door,
    `at` which it was refused, is known to be shut for this job only. After a 429, `before` of which
    came in a row, it is what the provider's documentation says, doubling; never less than
    its first pause, and never less than it asked for.
    """
    if at is not None and not at.others:
        return min(usual, backoff(at.shut + 1, rng))
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


def own_trouble(rng: Random) -> int:
    """The pause after trouble of our own, which is nobody's failure: the same every time."""
    return round(OWN_TROUBLE * rng.uniform(1.0, 1.2))


def stretched(pace_seconds: float, callbacks: int) -> float:
    """The pace of polls where callbacks have told of the last ends: up to three times as slow.

    Never beyond what providers ask for (10 to 30 s); a pace that is slower stays.
    """
    if callbacks < CALLBACKS_TRUSTED:
        return pace_seconds
    factor = min(1.0 + (callbacks - CALLBACKS_TRUSTED + 1) / 2, MOST_STRETCH)
    return max(pace_seconds, min(pace_seconds * factor, SLOWEST))


def first_search(settle: int) -> int:
    """The pause before the first search for a job whose answer was lost."""
    return round(FIRST_SEARCH * _haste(settle))


def next_search(since_sent: int, settle: int, asked: int, rng: Random) -> int:
    """The pause before an account is searched again for a job that was sent that long ago.

    `asked` is how many lists, or pages of them, the last search read.
    """
    first, most = SEARCH
    pause = max(rng.uniform(first, most), asked * 60 / LISTS) * _haste(settle)
    return round((pause if since_sent < 2 * settle else pause * 3) * SECOND)


def _haste(settle: int) -> float:
    return min(1.0, settle / USUAL_SETTLE)


def canceled(words: str) -> JobError:
    """The end of a job that its caller did not want any more."""
    return JobError(code="canceled", message=f"canceled: {words}")


def next_look(pace_seconds: float, rng: Random) -> int:
    """The pause before the next poll: the provider's pace with jitter."""
    return round(pace_seconds * rng.uniform(0.9, 1.1) * SECOND)


def asked(seconds: float | None) -> int:
    """How long a provider wants to be left alone, as far as that is honoured: five minutes.

    A look costs it next to nothing, and a paid video must not be forgotten over one odd
    answer.
    """
    return round(min((seconds or 0.0) * SECOND, SLOW_WATCH))


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
