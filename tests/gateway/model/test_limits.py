import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.limits import RAISE_AFTER, effective, fallen, risen
from tests.strategies import CALM

MAX_JOBS = st.integers(1, 20)
ALLOWED = st.none() | st.integers(1, 25)
TIMES = st.integers(0, 3 * RAISE_AFTER)


@pytest.mark.parametrize(
    ("allowed", "carried", "limit"),
    [(None, 3, 3), (None, 0, 1), (None, 9, 5), (4, 2, 2), (2, 4, 2), (1, 0, 1)],
)
def test_after_a_429_an_account_may_have_what_it_carried(
    allowed: int | None, carried: int, limit: int
) -> None:
    assert fallen(allowed, 5, carried) == limit


def test_a_limit_that_never_fell_is_the_configured_one() -> None:
    assert effective(None, 5) == 5
    assert risen(None, 5, 0, RAISE_AFTER) == 5


def test_a_configured_limit_that_was_lowered_holds_at_once() -> None:
    assert effective(4, 2) == 2
    assert risen(4, 2, 0, 0) == 2


def test_one_job_more_is_tried_after_each_pause_without_a_429() -> None:
    assert risen(2, 5, 0, RAISE_AFTER - 1) == 2
    assert risen(2, 5, 0, RAISE_AFTER) == 3
    assert risen(2, 5, 0, 100 * RAISE_AFTER) == 3


def test_an_account_that_nobody_asked_for_more_proves_nothing() -> None:
    assert risen(2, 5, 0, 100 * RAISE_AFTER, proven=False) == 2


@CALM
@given(ALLOWED, MAX_JOBS, st.integers(0, 30))
def test_a_429_never_raises_a_limit(allowed: int | None, max_jobs: int, carried: int) -> None:
    found = fallen(allowed, max_jobs, carried)
    assert 1 <= found <= effective(allowed, max_jobs) <= max_jobs


@CALM
@given(ALLOWED, MAX_JOBS, TIMES, TIMES, st.booleans())
def test_a_limit_rises_by_one_at_most_and_never_above_the_configured_one(
    allowed: int | None,
    max_jobs: int,
    since: int,
    now: int,
    proven: bool,  # noqa: FBT001
) -> None:
    before = effective(allowed, max_jobs)
    found = risen(allowed, max_jobs, since, now, proven=proven)
    assert before <= found <= min(before + 1, max_jobs)


@CALM
@given(st.lists(st.integers(0, 12)), MAX_JOBS, st.integers(1, 12))
def test_an_account_that_is_used_to_the_full_comes_to_carry_what_it_can(
    loads: list[int], max_jobs: int, real: int
) -> None:
    """However it was lowered: pause by pause it rises, and a 429 tells where it ends."""
    allowed: int | None = None
    for carried in loads:
        allowed = fallen(allowed, max_jobs, carried)
    now, best = 0, 0
    for _ in range(2 * max_jobs + 2):
        limit = effective(allowed, max_jobs)
        if limit > real:
            allowed = fallen(allowed, max_jobs, real)
        else:
            best = max(best, limit)
            allowed = risen(allowed, max_jobs, now, now + RAISE_AFTER)
        now += RAISE_AFTER
    assert best == min(real, max_jobs)
