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
    ("scope", "retry", "event"),
    [
        (Scope.ACCOUNT, True, Event.THROTTLED),
        (Scope.PROVIDER, True, Event.THROTTLED),
        (Scope.JOB, False, Event.REFUSED),
        (Scope.ACCOUNT, False, Event.TURNED_AWAY),
        (Scope.PROVIDER, False, Event.TURNED_AWAY),
    ],
)
def test_only_a_refusal_about_the_job_itself_ends_it(
    scope: Scope, *, retry: bool, event: Event
) -> None:
    then = policy.after_refusal(refused(scope, retry=retry), Random(1))

    assert then.event is event
    assert (then.error is not None) == (event is Event.REFUSED)
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

    wish = min(asked or 0, 300)
    assert pause >= pace * 0.9 * SECOND - 1
    assert pause >= wish * SECOND - 1
    assert pause <= max(pace * 1.1, wish) * SECOND + 1


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.value)
def test_faults_of_an_account_come_with_advice(fault: Fault) -> None:
    about_account = fault in {Fault.UNAUTHORIZED, Fault.NO_CREDITS, Fault.ON_HOLD}

    assert ("'mine'" in policy.advice(fault, "mine")) == about_account
