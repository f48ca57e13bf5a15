import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.clock import SECOND
from gateway.model.eta import MEMORY, Estimate, Eta, eta, updated
from tests.strategies import CALM

NOW = 1_800_000_000 * SECOND
MINUTE = 60 * SECOND
DURATIONS = st.integers(0, 3600 * SECOND)
ESTIMATES = st.builds(
    Estimate, count=st.integers(1, MEMORY), mean=DURATIONS, spread=st.integers(0, 600 * SECOND)
)
STEADY = Estimate(count=5, mean=MINUTE, spread=10 * SECOND)


def learned(*durations: int) -> Estimate:
    found: Estimate | None = None
    for duration in durations:
        found = updated(found, duration)
    assert found is not None
    return found


def seconds(found: Eta | None) -> tuple[float, float, float]:
    """Expected, earliest and latest, from now."""
    assert found is not None
    return (
        (found.expected - NOW) / SECOND,
        (found.earliest - NOW) / SECOND,
        (found.latest - NOW) / SECOND,
    )


def test_of_the_first_video_half_its_time_is_taken_for_the_deviation() -> None:
    assert learned(MINUTE) == Estimate(count=1, mean=MINUTE, spread=MINUTE // 2)


def test_the_first_videos_count_alike() -> None:
    assert learned(10, 20, 60).mean == 30


def test_later_videos_count_as_one_of_twenty() -> None:
    assert learned(*[100] * 50, 300) == Estimate(count=MEMORY, mean=110, spread=10)


def test_what_was_long_ago_fades() -> None:
    found = learned(*[10 * MINUTE] * 100, *[MINUTE] * 100)
    assert found.mean == pytest.approx(MINUTE, rel=0.1)
    assert found.spread < MINUTE


@CALM
@given(st.lists(DURATIONS, min_size=1, max_size=60))
def test_the_mean_lies_between_the_shortest_and_the_longest(durations: list[int]) -> None:
    found = learned(*durations)
    assert min(durations) <= found.mean <= max(durations)
    assert 0 <= found.spread <= max(durations)
    assert found.count == min(len(durations), MEMORY)


def test_nothing_is_told_of_a_kind_that_was_never_made() -> None:
    assert eta(NOW, 1, 3, None, None) is None
    assert eta(NOW, 0, 3, None, NOW) is None


def test_a_job_that_has_its_slot_ends_its_time_after_it_began() -> None:
    assert seconds(eta(NOW, 0, 3, STEADY, NOW - 20 * SECOND)) == (40, 20, 60)


def test_a_job_that_takes_longer_than_expected_may_end_any_moment() -> None:
    assert seconds(eta(NOW, 0, 3, STEADY, NOW - 70 * SECOND)) == (0, 0, 10)
    assert seconds(eta(NOW, 0, 3, STEADY, NOW - 700 * SECOND)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("place", "slots", "expected"),
    [(1, 1, 120), (1, 3, 80), (3, 3, 120), (6, 3, 180), (1, 0, 120)],
)
def test_a_waiting_job_waits_for_its_place_in_rounds_of_all_slots(
    place: int, slots: int, expected: int
) -> None:
    assert seconds(eta(NOW, place, slots, STEADY, None))[0] == expected


def test_the_longer_the_line_the_wider_the_range() -> None:
    assert seconds(eta(NOW, 6, 3, STEADY, None)) == (180, 120, 240)


@CALM
@given(ESTIMATES, st.integers(0, 500), st.integers(0, 50), st.none() | st.integers(0, 2 * NOW))
def test_an_eta_is_a_range_that_is_never_in_the_past(
    estimate: Estimate, place: int, slots: int, began: int | None
) -> None:
    found = eta(NOW, place, slots, estimate, began)
    assert found is not None
    assert NOW <= found.earliest <= found.expected <= found.latest


@CALM
@given(ESTIMATES, st.integers(0, 500), st.integers(1, 500), st.integers(1, 50))
def test_who_stands_further_back_is_never_ready_earlier(
    estimate: Estimate, place: int, more: int, slots: int
) -> None:
    near, far = (
        eta(NOW, place, slots, estimate, None),
        eta(NOW, place + more, slots, estimate, None),
    )
    assert near is not None
    assert far is not None
    assert near.expected <= far.expected
    assert near.earliest <= far.earliest
    assert near.latest <= far.latest
