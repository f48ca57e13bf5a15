"""Lost attempts are shared out over jobs: as many as can be, and nothing twice."""

from collections.abc import Mapping, Sequence
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers._search import Candidate, Likeness, in_order, shared_out
from providers.contract import Lost, Mode, Role, Search, VideoSpec
from tests.strategies import CALM

SPEC = VideoSpec(model="m", mode=Mode.TEXT, prompt="A lake", seconds=5)
Looks = Mapping[tuple[str, str], Likeness]


def lost(n: int, prompt: str = "A lake", **inputs: Sequence[str]) -> Lost:
    spec = VideoSpec(model="m", mode=Mode.TEXT, prompt=prompt, seconds=5)
    given = {Role(role): urls for role, urls in inputs.items()}
    return Lost(reference=f"att_{n}", spec=spec, inputs=given, sent_at=n)


def job(n: int) -> Candidate:
    return Candidate(remote_id=f"job_{n}", made_at=n, evidence="seen")


def share(attempts: Sequence[Lost], jobs: Sequence[Candidate], looks: Looks) -> Search:
    return shared_out(
        attempts,
        jobs,
        lambda one, candidate: looks.get((one.reference, candidate.remote_id), Likeness.OTHER),
    )


def pairs(search: Search) -> dict[str, str]:
    return {trace.reference: trace.remote_id for trace in search.found}


SAME, NAMED, UNSURE = Likeness.SAME, Likeness.NAMED, Likeness.UNSURE


def test_the_oldest_of_equal_attempts_gets_the_oldest_job() -> None:
    looks = {(f"att_{n}", f"job_{m}"): SAME for n in (1, 2, 3) for m in (5, 6)}
    search = share([lost(3), lost(1), lost(2)], [job(6), job(5)], looks)
    assert pairs(search) == {"att_1": "job_5", "att_2": "job_6"}
    assert (search.doubles, search.suspects) == ((), ())
    assert {trace.evidence for trace in search.found} == {"seen"}


def test_an_attempt_gives_up_a_job_for_another_where_both_can_be_served() -> None:
    looks = {("att_1", "job_5"): SAME, ("att_1", "job_6"): SAME, ("att_2", "job_5"): SAME}
    search = share([lost(1), lost(2)], [job(5), job(6)], looks)
    assert pairs(search) == {"att_1": "job_6", "att_2": "job_5"}


def test_a_reference_outweighs_what_merely_looks_the_same() -> None:
    looks = {("att_1", "job_5"): SAME, ("att_1", "job_6"): NAMED, ("att_2", "job_5"): SAME}
    search = share([lost(1), lost(2)], [job(5), job(6)], looks)
    assert pairs(search) == {"att_1": "job_6", "att_2": "job_5"}


@pytest.mark.parametrize("look", [SAME, NAMED])
def test_more_jobs_than_attempts_are_doubles(look: Likeness) -> None:
    looks = {("att_1", "job_5"): look, ("att_1", "job_6"): look}
    search = share([lost(1)], [job(6), job(5)], looks)
    assert pairs(search) == {"att_1": "job_5"}
    assert [(one.reference, one.remote_id) for one in search.doubles] == [("att_1", "job_6")]


def test_a_job_of_either_of_two_unlike_attempts_is_nobodys() -> None:
    looks = {("att_1", "job_5"): SAME, ("att_2", "job_5"): SAME}
    for other in (lost(2, "Another lake"), lost(2, first_frame=("upload/b",))):
        search = share([lost(1, first_frame=("upload/a",)), other], [job(5)], looks)
        assert (search.found, search.doubles, search.suspects) == ((), (), ("job_5",))


def test_inputs_are_the_same_in_a_list_and_in_a_tuple() -> None:
    looks = {("att_1", "job_5"): SAME, ("att_2", "job_5"): SAME}
    attempts = [lost(1, first_frame=["upload/a"]), lost(2, first_frame=("upload/a",))]
    assert pairs(share(attempts, [job(5)], looks)) == {"att_1": "job_5"}


def test_what_may_be_a_missing_attempts_is_suspected_and_nothing_else() -> None:
    looks = {("att_1", "job_5"): SAME, ("att_1", "job_6"): UNSURE, ("att_2", "job_7"): UNSURE}
    jobs = [job(5), job(6), job(7), job(8)]
    assert share([lost(1), lost(2)], jobs, looks).suspects == ("job_7",)
    assert share([lost(1)], jobs, looks).suspects == ()


def test_an_attempt_that_is_named_twice_is_looked_for_once() -> None:
    search = share([lost(1), lost(1)], [job(5), job(6)], {("att_1", "job_5"): SAME})
    assert pairs(search) == {"att_1": "job_5"}


@CALM
@given(st.data())
def test_as_many_attempts_are_found_as_can_be(data: st.DataObject) -> None:
    attempts = [lost(n) for n in range(data.draw(st.integers(0, 4)))]
    jobs = [job(n) for n in range(data.draw(st.integers(0, 4)))]
    looks = {
        (one.reference, each.remote_id): data.draw(st.sampled_from(Likeness))
        for one in attempts
        for each in jobs
    }
    # A reference names one attempt.
    for each in jobs:
        named = [one for one in attempts if looks[one.reference, each.remote_id] is NAMED]
        for one in attempts if named else ():
            looks[one.reference, each.remote_id] = NAMED if one is named[0] else Likeness.OTHER

    search = share(attempts, jobs, looks)

    given = [trace.remote_id for trace in (*search.found, *search.doubles)]
    assert len(given) == len(set(given))
    assert not set(given) & set(search.suspects)
    assert all(looks[pair] >= SAME for pair in pairs(search).items())
    named_ones = {ref for (ref, _), look in looks.items() if look is NAMED}
    assert named_ones <= pairs(search).keys()
    open_ones = [one.reference for one in attempts if one.reference not in named_ones]
    padded = [each.remote_id for each in jobs] + [""] * len(open_ones)
    most = max(
        sum(looks.get(pair) is SAME for pair in zip(open_ones, order, strict=False))
        for order in set(permutations(padded, len(open_ones)))
    )
    assert len(search.found) - len(named_ones) == most
    served = pairs(search)
    for each in jobs:
        left = each.remote_id not in given
        asked = any(
            looks[one.reference, each.remote_id] is not Likeness.OTHER
            for one in attempts
            if one.reference not in served
        )
        assert (each.remote_id in search.suspects) == (left and asked)


@pytest.mark.parametrize(
    ("times", "ordered"),
    [
        ([], True),
        ([9, 8, 7], True),
        ([9, 4, 3], True),
        ([9, 4, None, 3], True),
        ([4, 9], False),
        ([9, 4, None, 5], False),
        ([8, 9, 7, 2], True),
        ([None, None], True),
    ],
)
def test_a_list_is_in_order_where_nothing_new_follows_what_is_too_old(
    times: list[int | None], *, ordered: bool
) -> None:
    assert in_order(times, 5) is ordered
