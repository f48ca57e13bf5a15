"""What follows from an outcome, and when: tables and properties."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.engine import policy
from gateway.model.clock import SECOND
from gateway.model.phases import Event
from providers.contract import BLAME, Blame, Fault, Refused, Scope

RNG = st.integers().map(Random)


def refused(
    scope: Scope,
    *,
    retry: bool = False,
    wait: float | None = None,
    pause: tuple[float, float] = (10.0, 30.0),
) -> Refused:
    return Refused(
        fault=Fault.THROTTLED if retry else Fault.NO_CREDITS,
        scope=scope,
        retry=retry,
        words="no",
        status=429 if retry else 412,
        wait_seconds=wait,
        pause=pause,
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
    then = policy.after_refusal(refused(scope, retry=retry))

    assert then.event is event
    assert (then.error is not None) == (event is Event.REFUSED)


YES, NO = True, False


@pytest.mark.parametrize(
    ("answers", "door"),
    [
        ([], policy.Door(shut=0, others=False, picks=False)),
        ([("x", YES)], policy.Door(shut=0, others=False, picks=False)),
        ([("x", NO), ("x", YES)], policy.Door(shut=1, others=True, picks=False)),
        ([("me", NO), ("me", NO)], policy.Door(shut=2, others=False, picks=False)),
        ([("me", NO), ("x", NO)], policy.Door(shut=2, others=True, picks=False)),
        ([("x", YES), ("x", NO)], policy.Door(shut=0, others=False, picks=False)),
        ([("x", YES), ("me", NO)], policy.Door(shut=0, others=False, picks=True)),
        ([("y", NO), ("x", YES), ("me", NO)], policy.Door(shut=1, others=True, picks=True)),
        # That it went through itself, for an earlier attempt, tells nothing of others.
        ([("me", YES), ("me", NO)], policy.Door(shut=0, others=False, picks=False)),
    ],
)
def test_a_door_picks_a_job_that_it_refuses_while_it_lets_others_through(
    answers: list[tuple[str, bool]], door: policy.Door
) -> None:
    assert policy.door("me", answers) == door
    then = policy.after_refusal(refused(Scope.PROVIDER), door)
    assert then.event is (Event.REFUSED if door.picks else Event.TURNED_AWAY)


@given(shut=st.integers(min_value=0, max_value=1000), rng=RNG)
def test_a_door_that_is_shut_for_one_job_only_rests_the_provider_for_seconds(
    shut: int, rng: Random
) -> None:
    def rest(*, others: bool) -> int:
        at = policy.Door(shut=shut, others=others, picks=False)
        return policy.rest(refused(Scope.PROVIDER), 0, 300 * SECOND, rng, at)

    assert 5 * SECOND * min(2**shut, 12) <= rest(others=False) <= 72 * SECOND
    assert rest(others=True) == 300 * SECOND


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.value)
def test_a_failure_that_the_operator_can_mend_rests_the_account(fault: Fault) -> None:
    pause = policy.rest_after_failure(fault, 300)

    assert pause == (300 if BLAME[fault] is Blame.OPERATOR else 0)


@pytest.mark.parametrize(
    ("fault", "scope", "doubted"),
    [
        (Fault.INVALID_REQUEST, Scope.JOB, True),
        (Fault.UNKNOWN_ACCOUNT, Scope.ACCOUNT, True),
        (Fault.NO_CREDITS, Scope.ACCOUNT, False),
    ],
)
def test_uploads_are_doubted_where_a_refusal_may_be_over_them(
    fault: Fault, scope: Scope, *, doubted: bool
) -> None:
    answer = Refused(fault=fault, scope=scope, retry=False, words="no", status=400)

    assert policy.doubts_uploads(answer) is doubted


@given(before=st.integers(min_value=0, max_value=10_000), rng=RNG)
def test_a_429_without_a_time_waits_as_long_as_the_provider_documents(
    before: int, rng: Random
) -> None:
    pause = policy.rest(refused(Scope.ACCOUNT, retry=True), before, 300, rng)

    assert 10 * SECOND <= pause <= 30 * SECOND
    assert pause >= 16 * SECOND or not before
    assert pause >= 24 * SECOND or before < 2


@given(
    first=st.floats(min_value=0.1, max_value=600),
    factor=st.floats(min_value=1, max_value=100),
    before=st.integers(min_value=0, max_value=10_000),
    asked=st.none() | st.floats(min_value=0, max_value=90_000),
    rng=RNG,
)
def test_a_429_never_waits_less_than_asked_nor_less_than_the_first_pause(
    first: float, factor: float, before: int, asked: float | None, rng: Random
) -> None:
    answer = refused(Scope.ACCOUNT, retry=True, wait=asked, pause=(first, first * factor))
    wait = policy.rest(answer, before, 300, rng)
    wish = min(asked or 0, 86_400) * SECOND

    assert wait >= round(first * SECOND)
    assert wait >= round(wish)
    assert wait <= round(max(first * factor * SECOND, wish * 1.2)) + 1


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
    pause = max(policy.next_look(pace, rng), policy.asked(asked))

    wish = min(asked or 0, 300)
    assert pause >= pace * 0.9 * SECOND - 1
    assert pause >= wish * SECOND - 1
    assert pause <= max(pace * 1.1, wish) * SECOND + 1


NAMED = {
    Fault.UNAUTHORIZED,
    Fault.NO_SUBSCRIPTION,
    Fault.NO_CREDITS,
    Fault.UNKNOWN_ACCOUNT,
    Fault.ON_HOLD,
}


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.value)
def test_faults_that_the_operator_can_mend_come_with_advice(fault: Fault) -> None:
    told = policy.advice(fault, "mine")

    assert bool(told) == (BLAME[fault] is Blame.OPERATOR)
    assert ("'mine'" in told) == (fault in NAMED)
