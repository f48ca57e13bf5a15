"""What follows from an outcome, and when: tables and properties."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.engine import policy
from gateway.model.clock import SECOND
from gateway.model.phases import Event
from providers.contract import Fault, Refused, Scope

RNG = st.integers().map(Random)


def refused(scope: Scope, *, retry: bool = False, wait: float | None = None) -> Refused:
    return Refused(
        fault=Fault.THROTTLED if retry else Fault.NO_CREDITS,
        scope=scope,
        retry=retry,
        words="no",
        status=429 if retry else 412,
        wait_seconds=wait,
    )


@pytest.mark.parametrize(
    ("scope", "retry", "elsewhere", "event", "fails"),
    [
        (Scope.ACCOUNT, True, False, Event.THROTTLED, False),
        (Scope.PROVIDER, True, True, Event.THROTTLED, False),
        (Scope.JOB, False, True, Event.REFUSED, True),
        (Scope.JOB, False, False, Event.REFUSED, True),
        (Scope.ACCOUNT, False, True, Event.TURNED_AWAY, False),
        (Scope.ACCOUNT, False, False, Event.REFUSED, True),
        (Scope.PROVIDER, False, True, Event.TURNED_AWAY, False),
        (Scope.PROVIDER, False, False, Event.REFUSED, True),
    ],
)
def test_a_refusal_moves_the_job_by_what_it_is_about(
    scope: Scope, *, retry: bool, elsewhere: bool, event: Event, fails: bool
) -> None:
    then = policy.after_refusal(refused(scope, retry=retry), elsewhere=elsewhere, rng=Random(1))

    assert then.event is event
    assert (then.error is not None) == fails
    assert (then.cool == 0) == (scope is Scope.JOB)


@given(rng=RNG)
def test_a_429_without_a_time_waits_10_to_30_seconds(rng: Random) -> None:
    assert 10 * SECOND <= policy.throttle(None, rng) <= 30 * SECOND


@given(asked=st.floats(min_value=0, max_value=90_000), rng=RNG)
def test_a_429_never_waits_less_than_asked_nor_less_than_10_seconds(
    asked: float, rng: Random
) -> None:
    wait = policy.throttle(asked, rng)

    assert wait >= 10 * SECOND
    assert wait >= round(min(asked, 86_400) * SECOND)


@given(failures=st.integers(min_value=1, max_value=10_000), rng=RNG)
def test_backing_off_grows_to_a_minute_and_no_further(failures: int, rng: Random) -> None:
    pause = policy.backoff(failures, rng)

    assert 5 * SECOND <= pause <= 72 * SECOND
    if failures >= 5:
        assert pause >= 60 * SECOND


@given(
    pace=st.floats(min_value=0.1, max_value=60),
    asked=st.none() | st.floats(min_value=0, max_value=600),
    rng=RNG,
)
def test_the_next_look_keeps_the_pace_and_what_was_asked(
    pace: float, asked: float | None, rng: Random
) -> None:
    pause = policy.next_look(pace, asked, rng)

    assert pause >= pace * 0.9 * SECOND - 1
    assert pause >= (asked or 0) * SECOND - 1
    assert pause <= max(pace * 1.1, asked or 0) * SECOND + 1


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.value)
def test_faults_of_an_account_come_with_advice(fault: Fault) -> None:
    about_account = fault in {Fault.UNAUTHORIZED, Fault.NO_CREDITS, Fault.ON_HOLD}

    assert ("'mine'" in policy.advice(fault, "mine")) == about_account
