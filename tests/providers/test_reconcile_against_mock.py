"""Attempts whose answer was lost are found again in the lists of the mock provider."""

import msgspec
import pytest

from mockserver import Account as MockAccount
from mockserver.pictory import FILMS_PAGE_SIZE, PAGE_SIZE
from providers.contract import Account, Finished, Search, Trace
from providers.registry import ADAPTERS
from providers.useapi_pixverse.table import LIST_LIMIT
from tests.providers.stage import PLACES, Stage, staged

PICTORY, USEAPI = PLACES["pictory"], PLACES["useapi-pixverse"]
BOTH = pytest.mark.parametrize("owner", [PICTORY, USEAPI], ids=lambda owner: owner.provider)
EMAILS = ("ops@example.com", "b@example.com", "c@example.com")
LOST = "accept-then-reset"


def lost_are(*ordinals: int, how: str = LOST) -> tuple[str, ...]:
    """The faults that take the answers of these submissions."""
    return tuple(f"submit#{n}:{how}" for n in ordinals)


def seeded(owner: Account, seed: int) -> dict[str, int]:
    """The seed that the engine draws where a provider takes one."""
    return {"seed": seed} if owner is not PICTORY else {}


def references(search: Search) -> list[str]:
    return [trace.reference for trace in search.found]


def made(stage: Stage, *places: int) -> list[str]:
    """The ids of the mock's jobs, by the order in which they were accepted."""
    jobs = list(stage.mock.jobs)
    return [jobs[place].id for place in places]


@pytest.mark.parametrize("how", [LOST, "accept-then-cut", "accept-then-status=502", "garble"])
@BOTH
async def test_an_attempt_is_found_after_its_end(owner: Account, how: str) -> None:
    async with staged(faults=lost_are(1, how=how)) as stage:
        lost = await stage.lost(owner, **seeded(owner, 7))
        await stage.mock.advance(90)
        search = await stage.search(owner, lost)
        (job_id,) = made(stage, 0)
        (seen,) = await stage.look(owner, search.found[0].remote_id)
    assert [(one.reference, one.remote_id) for one in search.found] == [("att_1", job_id)]
    assert search.found[0].evidence
    assert (search.doubles, search.suspects, search.whole) == ((), (), True)
    assert isinstance(seen, Finished)


@pytest.mark.parametrize("seconds", [0, 20], ids=["queued", "rendering"])
async def test_a_running_pixverse_video_is_found_by_its_reference(seconds: int) -> None:
    async with staged(faults=lost_are(1)) as stage:
        lost = await stage.lost(USEAPI)
        await stage.mock.advance(seconds)
        search = await stage.search(USEAPI, lost)
        (job_id,) = made(stage, 0)
    trace = Trace(
        reference="att_1",
        remote_id=job_id,
        evidence="useapi.net names its replyRef",
        named=True,
    )
    assert search.found == (trace,)


async def test_a_running_pictory_job_is_suspected_until_its_film_is_there() -> None:
    async with staged(faults=lost_are(1)) as stage:
        lost = await stage.lost(PICTORY)
        await stage.mock.advance(20)
        early = await stage.search(PICTORY, lost)
        await stage.mock.advance(60)
        late = await stage.search(PICTORY, lost)
        (job_id,) = made(stage, 0)
    assert (early.found, early.suspects, early.whole) == ((), (job_id,), True)
    assert (references(late), late.suspects) == (["att_1"], ())


async def test_a_pictory_job_that_failed_stays_suspected() -> None:
    async with staged(faults=lost_are(1)) as stage:
        lost = await stage.lost(PICTORY, prompt="A lake [[mock fail=failed]]")
        await stage.mock.advance(90)
        search = await stage.search(PICTORY, lost)
        assert search.suspects == tuple(made(stage, 0))
    assert search.found == ()


async def test_a_pixverse_video_that_failed_is_found() -> None:
    async with staged(faults=lost_are(1)) as stage:
        lost = await stage.lost(USEAPI, prompt="A lake [[mock fail=failed]]", seed=7)
        await stage.mock.advance(90)
        assert references(await stage.search(USEAPI, lost)) == ["att_1"]


@BOTH
async def test_an_attempt_is_found_on_the_third_page(owner: Account) -> None:
    after = 2 * (PAGE_SIZE if owner is PICTORY else LIST_LIMIT) + 5
    async with staged(faults=lost_are(1), queue_seconds=0.0, run_seconds=1.0) as stage:
        lost = await stage.lost(owner, **seeded(owner, 7))
        for n in range(after):
            await stage.mock.advance(2)
            await stage.accepted(owner, prompt=f"Lake number {n}", **seeded(owner, 8 + n))
        await stage.mock.advance(90)
        search = await stage.search(owner, lost)
        assert [one.remote_id for one in search.found] == made(stage, 0)
        pages = [name for name, _ in stage.asked()[-6:] if "list_" in name]
    assert search.whole
    assert pages.count("pictory.list_jobs" if owner is PICTORY else "pixverse.list_videos") == 3


@pytest.mark.parametrize("older", [0, 3], ids=["new account", "old account"])
@BOTH
async def test_an_attempt_that_was_never_made_is_known_not_to_be_there(
    owner: Account, older: int
) -> None:
    async with staged(faults=lost_are(older + 1, how="reset")) as stage:
        for n in range(older):
            await stage.accepted(owner, prompt=f"Lake number {n}", **seeded(owner, 8 + n))
        await stage.mock.advance(900)
        lost = await stage.lost(owner, **seeded(owner, 7))
        await stage.mock.advance(90)
        before = len(stage.asked())
        search = await stage.search(owner, lost)
        requests = len(stage.asked()) - before
    assert (search.found, search.doubles, search.suspects) == ((), (), ())
    assert search.whole
    assert requests == 2


@BOTH
async def test_no_more_is_read_than_from_before_the_oldest_attempt(owner: Account) -> None:
    size = FILMS_PAGE_SIZE if owner is PICTORY else LIST_LIMIT
    async with staged(faults=lost_are(size + 6), queue_seconds=0.0, run_seconds=1.0) as stage:
        for n in range(size + 5):
            await stage.accepted(owner, prompt=f"Lake number {n}", **seeded(owner, 8 + n))
            await stage.mock.advance(2)
        await stage.mock.advance(1800)
        lost = await stage.lost(owner, **seeded(owner, 7))
        await stage.mock.advance(90)
        before = len(stage.asked())
        # Nobody told which of the older jobs are known, and they are not suspected either.
        search = await stage.search(owner, lost, owned=())
        requests = len(stage.asked()) - before
    assert references(search) == ["att_1"]
    assert (search.suspects, search.whole, requests) == ((), True, 2)


TROUBLES = {
    "500": "status=500",
    "garbage": "garble",
    "429": "status=429 retry-after=42",
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
@pytest.mark.parametrize("ordinal", [1, 2])
@BOTH
async def test_a_list_that_fails_leaves_the_search_open_with_its_words(
    owner: Account, ordinal: int, trouble: str
) -> None:
    faults = (*lost_are(1, how="reset"), f"list#{ordinal}:{trouble}")
    async with staged(faults=faults) as stage:
        lost = await stage.lost(owner, **seeded(owner, 7))
        search = await stage.search(owner, lost)
        again = await stage.search(owner, lost)
    assert not search.whole
    assert "HTTP " in search.reason
    assert search.wait_seconds == (42.0 if "429" in trouble else None)
    assert (again.whole, again.wait_seconds) == (True, None)


@BOTH
async def test_whoever_is_told_to_wait_asks_no_more(owner: Account) -> None:
    faults = (*lost_are(1), "list#1:status=429 retry-after=42")
    async with staged(faults=faults) as stage:
        lost = await stage.lost(owner)
        before = len(stage.asked())
        await stage.search(owner, lost)
        assert len(stage.asked()) == before + 1


async def test_a_finished_video_is_found_while_the_scheduler_is_broken() -> None:
    async with staged(faults=(*lost_are(1), "list#1:status=503")) as stage:
        lost = await stage.lost(USEAPI, seed=7)
        await stage.mock.advance(90)
        search = await stage.search(USEAPI, lost)
    assert references(search) == ["att_1"]
    assert not search.whole


async def test_each_account_of_a_token_finds_its_own() -> None:
    accounts = [msgspec.structs.replace(USEAPI, name=email, email=email) for email in EMAILS]
    known = tuple(MockAccount(email=email) for email in EMAILS)
    async with staged(accounts=known, faults=lost_are(1, 2, 3)) as stage:
        lost = {
            one.name: await stage.lost(one, reference=f"att_{n}", seed=7)
            for n, one in enumerate(accounts)
        }
        for seconds in (0, 90):
            await stage.mock.advance(seconds)
            for one in accounts:
                search = await stage.search(one, lost[one.name])
                (trace,) = search.found
                assert trace.reference == lost[one.name].reference
                assert f"-pixverse:{one.email}-" in trace.remote_id
                assert (search.doubles, search.suspects) == ((), ())


async def test_what_another_account_of_the_token_shows_is_never_adopted() -> None:
    here = USEAPI
    there = msgspec.structs.replace(USEAPI, name="there", email="b@example.com")
    known = tuple(MockAccount(email=email) for email in EMAILS)
    async with staged(accounts=known, faults=lost_are(1)) as stage:
        lost = await stage.lost(there)
        search = await stage.search(here, lost)
        assert search.suspects == tuple(made(stage, 0))
    assert search.found == ()


@BOTH
async def test_of_two_equal_attempts_as_many_are_found_as_were_made(owner: Account) -> None:
    async with staged(faults=(*lost_are(1), *lost_are(2, how="reset"), *lost_are(3))) as stage:
        first = await stage.lost(owner, reference="att_1", **seeded(owner, 7))
        await stage.mock.advance(1)
        second = await stage.lost(owner, reference="att_2", **seeded(owner, 7))
        await stage.mock.advance(90)
        one = await stage.search(owner, second, first)
        third = await stage.lost(owner, reference="att_3", **seeded(owner, 7))
        await stage.mock.advance(90)
        both = await stage.search(owner, third, second, first)
        ids = made(stage, 0, 1)
    assert [(trace.reference, trace.remote_id) for trace in one.found] == [("att_1", ids[0])]
    assert (one.whole, one.suspects) == (True, ())
    assert {(trace.reference, trace.remote_id) for trace in both.found} == {
        ("att_1", ids[0]),
        ("att_2", ids[1]),
    }


@BOTH
async def test_a_job_that_another_attempt_owns_is_never_found(owner: Account) -> None:
    async with staged(faults=lost_are(2, how="reset")) as stage:
        await stage.accepted(owner, reference="att_0", **seeded(owner, 7))
        lost = await stage.lost(owner, reference="att_1", **seeded(owner, 7))
        for seconds in (0, 90):
            await stage.mock.advance(seconds)
            search = await stage.search(owner, lost)
            assert (search.found, search.doubles, search.suspects) == ((), (), ())
            assert search.whole


@BOTH
async def test_a_strangers_video_on_the_same_key_is_left_alone(owner: Account) -> None:
    async with staged(faults=lost_are(2, how="reset")) as stage:
        stranger = {"prompt": "Somebody's mountain", "reference": "not-ours"}
        await stage.accepted(owner, **stranger, **seeded(owner, 99))
        lost = await stage.lost(owner, **seeded(owner, 7))
        await stage.mock.advance(90)
        search = await stage.search(owner, lost, owned=())
    assert (search.found, search.suspects, search.whole) == ((), (), True)


@BOTH
async def test_of_a_job_that_was_made_twice_one_is_found_and_one_is_told(owner: Account) -> None:
    async with staged(faults=lost_are(1, 2)) as stage:
        lost = await stage.lost(owner, **seeded(owner, 7))
        await stage.lost(owner, **seeded(owner, 7))
        await stage.mock.advance(90)
        search = await stage.search(owner, lost)
        ids = made(stage, 0, 1)
    assert references(search) == ["att_1"]
    assert [one.reference for one in search.doubles] == ["att_1"]
    assert {one.remote_id for one in (*search.found, *search.doubles)} == set(ids)


async def test_a_video_made_twice_is_told_while_it_runs() -> None:
    async with staged(faults=lost_are(1, 2)) as stage:
        lost = await stage.lost(USEAPI)
        await stage.lost(USEAPI)
        search = await stage.search(USEAPI, lost)
        ids = made(stage, 0, 1)
    (found,), (double,) = search.found, search.doubles
    assert {found.remote_id, double.remote_id} == set(ids)
    assert found.reference == double.reference == "att_1"


@pytest.mark.parametrize("seed", [1, 2**31 - 1])
async def test_a_seed_comes_back_with_the_video_as_it_was_sent(seed: int) -> None:
    async with staged(faults=lost_are(1)) as stage:
        lost = await stage.lost(USEAPI, seed=seed)
        await stage.mock.advance(90)
        other = msgspec.structs.replace(lost, spec=msgspec.structs.replace(lost.spec, seed=3))
        assert references(await stage.search(USEAPI, lost)) == ["att_1"]
        (job_id,) = made(stage, 0)
        doubtful = await stage.search(USEAPI, other)
    assert (doubtful.found, doubtful.suspects) == ((), (job_id,))


async def test_pictory_attempts_with_one_prompt_are_told_apart_by_model_and_inputs() -> None:
    offers = ADAPTERS["pictory"].capabilities.offers
    everything = range(1, len(offers) + 1)
    async with staged(faults=lost_are(*everything)) as stage:
        lost = [
            await stage.lost(PICTORY, offer, reference=f"att_{n}")
            for n, offer in zip(everything, offers, strict=True)
        ]
        await stage.mock.advance(90)
        search = await stage.search(PICTORY, *reversed(lost))
        ids = made(stage, *range(len(offers)))
    assert {one.reference: one.remote_id for one in search.found} == {
        one.reference: job_id for one, job_id in zip(lost, ids, strict=True)
    }
    assert (search.doubles, search.suspects, search.whole) == ((), (), True)
