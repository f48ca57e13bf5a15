"""What is kept for a while grows old by the time that was seen to go by."""

from functools import partial
from itertools import accumulate
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gateway.engine.ageing import NOTED, SHARE, Gap, Seen, look
from gateway.model.clock import SECOND
from tests.rig import rig

MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
DAY = 24 * HOUR
MONTH = 30 * DAY
NOW = 1_800_000_000 * SECOND


def goes_by(seen: Seen, time: int) -> Seen:
    """A gateway runs for that long, and looks every hour."""
    for _ in range(time // NOTED):
        seen = seen.again(seen.at + NOTED)
    return seen


def test_while_gateways_run_everything_grows_older_by_the_clock() -> None:
    seen = goes_by(Seen(at=NOW), MONTH)
    assert seen.before(MONTH) == NOW


def test_a_machine_that_is_off_at_night_changes_nothing() -> None:
    seen = Seen(at=NOW)
    for _ in range(30):
        seen = goes_by(seen, 14 * HOUR).again(seen.at + DAY)
    assert seen.before(MONTH) == NOW


def test_a_clock_that_is_wrong_for_a_moment_makes_nothing_older() -> None:
    wrong = Seen(at=NOW).again(NOW + 400 * DAY)
    assert wrong.before(MONTH) == NOW - MONTH
    right = wrong.again(NOW + MINUTE)
    assert right == Seen(at=NOW + MINUTE, gaps=(Gap(MINUTE),))
    assert right.before(MONTH) == NOW + MINUTE - MONTH
    assert goes_by(right, HOUR).gaps == ()


def test_what_was_dated_by_a_clock_behind_is_kept_as_long_as_anything() -> None:
    dated = NOW - 100 * DAY
    seen = Seen(at=dated).again(NOW)
    assert goes_by(seen, MONTH - HOUR).before(MONTH) <= dated
    # Then everything goes by the clock again, whatever is kept for so long.
    seen = goes_by(seen, MONTH)
    assert seen.before(MONTH) == NOW
    assert seen.before(3 * MONTH) == NOW - 100 * DAY - 2 * MONTH


def test_what_is_kept_for_long_is_not_kept_longer_over_a_short_gap() -> None:
    seen = Seen(at=NOW).again(NOW + 5 * HOUR)
    assert seen.before(SHARE * 5 * HOUR) == seen.at - SHARE * 5 * HOUR
    assert seen.before(DAY) == seen.at - DAY - 5 * HOUR


def test_two_machines_whose_clocks_differ_a_little_take_nothing_back() -> None:
    seen = Seen(at=NOW).again(NOW + 10 * DAY)
    for _ in range(600):
        seen = seen.again(seen.at + MINUTE).again(seen.at + 40 * SECOND)
    assert seen == Seen(at=NOW + 10 * DAY + 10 * HOUR, gaps=(Gap(10 * DAY, 10 * HOUR),))


@given(st.lists(st.integers(-400, 400), min_size=1, max_size=6), st.integers(0, 5))
def test_nothing_goes_early_however_often_the_clock_is_set(jumps: list[int], ended: int) -> None:
    """Between two jumps, of so many days, a day is seen to go by."""
    seen, dated = Seen(at=NOW), NOW
    for n, jump in enumerate(jumps):
        seen = goes_by(seen, DAY)
        if n <= ended:
            dated = seen.at
        seen = seen.again(seen.at + jump * DAY)
        assert dated >= seen.before(MONTH)


@given(st.lists(st.integers(-400, 400), min_size=1, max_size=6))
def test_everything_goes_when_it_was_seen_for_long_enough_since_the_last_jump(
    jumps: list[int],
) -> None:
    clocks = list(accumulate((jump * DAY for jump in jumps), initial=NOW))
    seen = Seen(at=NOW)
    for clock in clocks:
        seen = seen.again(clock)
    assert goes_by(seen, MONTH).before(MONTH) == seen.at


async def test_all_gateways_on_a_database_look_at_one_clock(
    tmp_path: Path, database_url: str
) -> None:
    looks = (NOW, ()), (NOW + DAY, (Gap(DAY),)), (NOW + DAY + 5, (Gap(DAY, 5),))
    async with rig(tmp_path, database_url=database_url) as stage:
        for now, gaps in looks:
            seen = await stage.tools.database.write(partial(look, now=now))
            assert seen == Seen(at=now, gaps=gaps)
