from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.shares import SCALE, Share, after, following, joining, place
from tests.strategies import CALM


class Line(NamedTuple):
    """Owners, what each has used and how many of its jobs wait."""

    owners: dict[str, tuple[int, int]]

    def served(self) -> list[tuple[str, int]]:
        """The schedule, step by step: whose job gets each slot, and the how manieth of its."""
        used = {owner: value for owner, (value, _) in self.owners.items()}
        left = {owner: waiting for owner, (_, waiting) in self.owners.items()}
        order: list[tuple[str, int]] = []
        while True:
            next_one = following(Share(used[owner], owner) for owner in left if left[owner])
            if next_one is None:
                return order
            owner = next_one.owner
            used[owner] = after(used[owner])
            order.append((owner, self.owners[owner][1] - left[owner] + 1))
            left[owner] -= 1


USED = st.builds(
    lambda turns, rest: turns * SCALE + rest,
    st.integers(0, 6),
    st.sampled_from([0, 1, 2, SCALE - 1]),
)
LINES = st.dictionaries(
    st.sampled_from("abcde"), st.tuples(USED, st.integers(0, 7)), min_size=1
).map(Line)


@CALM
@given(LINES)
def test_the_place_of_each_waiting_job_is_when_the_schedule_serves_it(line: Line) -> None:
    order = line.served()
    assert len(order) == sum(waiting for _, waiting in line.owners.values())
    for owner, (used, waiting) in line.owners.items():
        others = {name: held for name, held in line.owners.items() if name != owner}
        for mine in range(1, waiting + 1):
            found = place(mine, Share(used, owner), others)
            assert order[found - 1] == (owner, mine)


def test_nobody_waits_nobody_follows() -> None:
    assert following([]) is None


def test_whoever_used_the_least_is_next_and_names_settle_what_is_equal() -> None:
    shares = [Share(7, "a"), Share(5, "c"), Share(5, "b")]
    assert following(shares) == Share(5, "b")


@pytest.mark.parametrize("jobs", [1, 10, 10_000])
def test_however_many_jobs_an_owner_has_another_one_waits_for_one_of_them(jobs: int) -> None:
    assert place(1, Share(1, "late"), {"flood": (0, jobs)}) == 2
    assert place(2, Share(1, "late"), {"flood": (0, jobs)}) == min(2 + 2, 2 + jobs)


def test_alone_the_line_is_ones_own() -> None:
    assert place(3, Share(0, "a"), {}) == 3


def test_who_joins_alone_keeps_what_it_has_used() -> None:
    assert joining(5, []) == 5


def test_those_who_join_stand_in_the_order_in_which_they_came() -> None:
    first = joining(0, [])
    second = joining(0, [first])
    third = joining(0, [first, second])
    shares = [Share(third, "a"), Share(second, "b"), Share(first, "c")]
    assert [one.owner for one in sorted(shares)] == ["c", "b", "a"]


def test_who_was_away_has_no_claim_on_what_others_used_meanwhile() -> None:
    busy = 1000 * SCALE
    back = joining(0, [busy, busy + 3])
    assert Share(busy + 3, "b") < Share(back, "a") < Share(after(busy), "c")


def test_who_used_more_than_the_others_goes_on_behind_them() -> None:
    assert joining(9 * SCALE, [SCALE, 2 * SCALE]) == 9 * SCALE


@CALM
@given(USED, st.lists(USED, max_size=5))
def test_who_joins_is_behind_the_least_by_at_most_one_slot_unless_it_used_more(
    used: int, active: list[int]
) -> None:
    found = joining(used, active)
    assert found >= used
    if active:
        assert found > min(active) or found == used
        assert found <= max(used, min(active) + SCALE)


@CALM
@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=60))
def test_owners_that_always_wait_never_differ_by_more_than_one_slot(arrivals: list[str]) -> None:
    used: dict[str, int] = {}
    served = dict.fromkeys("abcd", 0)
    since: dict[str, dict[str, int]] = {}
    for owner in arrivals:
        if owner not in used:
            used[owner] = joining(0, list(used.values()))
            since[owner] = dict(served)
        chosen = following(Share(value, name) for name, value in used.items())
        assert chosen is not None
        used[chosen.owner] = after(used[chosen.owner])
        served[chosen.owner] += 1
        for one in used:
            for other in used:
                both = {name: max(since[one][name], since[other][name]) for name in (one, other)}
                had = [served[name] - both[name] for name in (one, other)]
                assert abs(had[0] - had[1]) <= 1
