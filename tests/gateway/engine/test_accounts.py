"""Care of accounts: limits, rests, pauses, and one job at a time until it is known to work."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import httpx
import pytest

from gateway.engine import standing
from gateway.model.clock import SECOND
from gateway.model.limits import RAISE_AFTER
from gateway.model.phases import Phase
from gateway.storage.accounts import FOREVER
from mockserver import Account as MockAccount
from tests.gateway.engine.lost_support import PROMPT, fault
from tests.rig import Rig, is_submit, pictory, pixverse, rig

BUSY = "Account ops@example.com is busy executing 1 tasks."
PLAN = "Reached the limit for concurrent generations."
EVERYBODY = "All configured accounts are running at maximum capacity."
LONG = f"{PROMPT} [[mock run=60m no-callback]]"


def answers(stage: Rig, *given: httpx.Response) -> None:
    """Have the next submissions answered so, and nothing made."""
    left = list(given)
    stage.provider_wire.meddle = lambda request: (
        left.pop(0) if left and is_submit(request) else None
    )


def no(words: str, status: int = 429) -> httpx.Response:
    """A refusal in useapi.net's manner."""
    return httpx.Response(status, json={"error": words})


async def running(stage: Rig) -> int:
    """How many jobs are at the provider."""
    return sum(one.phase is Phase.RENDERING for one in await stage.every_job())


@pytest.mark.parametrize("words", [BUSY, PLAN])
async def test_an_account_that_is_full_gets_no_more_than_it_carries_and_more_as_time_goes_by(
    tmp_path: Path, words: str, database_url: str
) -> None:
    accounts = [pixverse(max_jobs=4)]
    async with rig(tmp_path, accounts=accounts, database_url=database_url) as stage:
        for n in range(2):
            await stage.create(prompt=f"{LONG} {n}")
        await stage.settle()
        answers(stage, no(words), no(words))
        for n in range(4):
            await stage.create(prompt=f"{LONG} again {n}")
        await stage.settle()
        assert (await stage.standing("pixverse-a")).limit == 2
        await stage.wait(60, step=10)
        assert await running(stage) == 2

        # Full all the while, and nothing was said against it: one more is tried.
        await stage.wait(RAISE_AFTER / SECOND, step=30)
        assert (await stage.standing("pixverse-a")).limit == await running(stage) == 3


async def test_those_that_are_under_way_count_as_carried_until_they_are_refused_too(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pixverse(max_jobs=3)]) as stage:
        # It is answered before the two others are.
        answers(stage, no(PLAN))
        for n in range(3):
            await stage.create(prompt=f"{LONG} {n}")
        await stage.settle()

        assert await running(stage) == 2
        assert (await stage.standing("pixverse-a")).limit == 2


async def test_a_refusal_by_all_accounts_rests_them_all_and_lowers_none(tmp_path: Path) -> None:
    emails = ("a@example.com", "b@example.com")
    async with rig(
        tmp_path,
        accounts=[pixverse("a", email=emails[0]), pixverse("b", email=emails[1]), pictory()],
        mock_accounts=tuple(MockAccount(email=one) for one in emails),
    ) as stage:
        answers(stage, no(EVERYBODY))
        job_id = await stage.create(model="useapi-pixverse/v4", prompt=PROMPT)
        await stage.settle()

        assert await stage.phase(job_id) is Phase.WAITING_FOR_SLOT
        for name in ("a", "b"):
            there = await stage.standing(name)
            assert there.rests_until is not None
            assert there.limit == there.max_jobs
        assert (await stage.standing("pictory-main")).rests_until is None
        await stage.wait(120, step=5)
        assert await stage.phase(job_id) is Phase.COMPLETED


async def test_an_account_that_was_mended_gets_one_job_first_and_then_the_others(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pixverse(max_jobs=3)]) as stage:
        answers(stage, no("All Credits have been used up.", 412))
        ids = [await stage.create(prompt=f"{PROMPT} {n}") for n in range(1)]
        await stage.settle()
        paused = await stage.standing("pixverse-a")
        assert (paused.reason, paused.paused_at) == ("insufficient_credits", stage.now())
        ids += [await stage.create(prompt=f"{PROMPT} {n}") for n in range(1, 4)]
        await stage.wait(290, step=10)
        assert stage.submits() == 0

        together: list[int] = []

        async def count(request: httpx.Request) -> None:
            if is_submit(request):
                together.append((await stage.standing("pixverse-a")).taken)

        stage.provider_wire.spoil = count
        await stage.wait(30, step=10)
        # Alone until it was taken; then as many as there are slots.
        assert together[0] == 1
        assert max(together) == 3
        assert (await stage.standing("pixverse-a")).paused_at is None
        await stage.wait(120, step=10)
        assert {await stage.phase(one) for one in ids} == {Phase.COMPLETED}


def lost(stage: Rig) -> None:
    fault(stage, "accept-then-reset")


def throttled(stage: Rig) -> None:
    answers(stage, no(PLAN))


def refused(stage: Rig) -> None:
    answers(stage, no("Your prompt has triggered our AI moderator", 422))


def unsent(stage: Rig) -> None:
    left = [httpx.ConnectError("refused")]

    def meddle(request: httpx.Request) -> None:
        if left and is_submit(request):
            raise left.pop()

    stage.provider_wire.meddle = meddle


@pytest.mark.parametrize("probe", [lost, throttled, refused, unsent])
async def test_whatever_becomes_of_the_first_job_an_account_is_not_blocked_by_it(
    tmp_path: Path, probe: Callable[[Rig], None]
) -> None:
    async with rig(tmp_path, accounts=[pixverse(max_jobs=3)], public_url=None) as stage:
        answers(stage, no("All Credits have been used up.", 412))
        ids = [await stage.create(prompt=f"{PROMPT} {n}") for n in range(4)]
        await stage.wait(280, step=10)
        stage.provider_wire.meddle = lambda _: None
        probe(stage)
        await stage.wait(400, step=10)

        ended = [await stage.job(one) for one in ids]
        assert {one.phase for one in ended} <= {Phase.COMPLETED, Phase.FAILED}
        assert sum(one.phase is Phase.FAILED for one in ended) == (probe is refused)
        assert not (await stage.standing("pixverse-a")).probing


async def test_an_account_that_an_operator_paused_rests_until_he_says_otherwise(
    tmp_path: Path, lasting_mock: object
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=2)], mock=lasting_mock) as stage:  # type: ignore[arg-type]
        before = await stage.create(prompt=PROMPT)
        await stage.settle()
        paused = await standing.pause(stage.tools, "pictory-main", "holidays")
        assert paused is not None
        assert (paused.rests_until, paused.words) == (FOREVER, "holidays")
        after = await stage.create(prompt=PROMPT)
        await stage.wait(600, step=30)
        # What it had goes on, and does not end the pause.
        assert await stage.phase(before) is Phase.COMPLETED
        assert await stage.phase(after) is Phase.WAITING_FOR_SLOT
        assert (await stage.standing("pictory-main")).words == "holidays"

    # Nor does a restart, or a refusal that asks for a shorter rest.
    async with rig(tmp_path, accounts=[pictory(max_jobs=2)], mock=lasting_mock) as stage:  # type: ignore[arg-type]
        await stage.wait(60, step=30)
        assert await stage.phase(after) is Phase.WAITING_FOR_SLOT
        assert await standing.resume(stage.tools, "pictory-main") is not None
        await stage.wait(90, step=10)
        assert await stage.phase(after) is Phase.COMPLETED
        assert await standing.resume(stage.tools, "nobody") is None


async def test_a_provider_that_is_away_is_asked_by_one_job_at_a_time(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=3)]) as stage:
        tries: list[int] = []

        def away(request: httpx.Request) -> None:
            tries.append(stage.now() // SECOND)
            raise httpx.ConnectError("refused", request=request)

        stage.provider_wire.meddle = away
        for n in range(6):
            await stage.create(prompt=f"{PROMPT} {n}")
        await stage.wait(300, step=1)
        # The first three were under way together.
        later = tries[3:]
        assert len(set(later)) == len(later)
        assert 3 <= len(later) <= 10

        stage.provider_wire.meddle = lambda _: None
        await stage.wait(240, step=10)
        assert {one.phase for one in await stage.every_job()} == {Phase.COMPLETED}


async def test_a_limit_that_a_wrong_clock_set_recovers_after_a_restart(
    tmp_path: Path, lasting_mock: object
) -> None:
    async with rig(tmp_path, accounts=[pixverse(max_jobs=2)], mock=lasting_mock) as stage:  # type: ignore[arg-type]
        await stage.tools.database.write(
            lambda connection: connection.exec_driver_sql(
                f"UPDATE accounts SET allowed = 1, allowed_at = {stage.now() + 10**15}"  # noqa: S608
            )
        )
    async with rig(tmp_path, accounts=[pixverse(max_jobs=2)], mock=lasting_mock) as stage:  # type: ignore[arg-type]
        for n in range(2):
            await stage.create(prompt=f"{LONG} {n}")
        await stage.wait(RAISE_AFTER / SECOND + 30, step=30)
        assert await running(stage) == 2


async def test_the_slots_of_an_account_are_never_more_than_it_may_have(tmp_path: Path) -> None:
    rng = Random(5)
    async with rig(tmp_path, accounts=[pixverse(max_jobs=4)]) as stage:
        for n in range(12):
            await stage.create(prompt=f"{PROMPT} {n}")
        stage.provider_wire.meddle = lambda request: (
            no(PLAN) if is_submit(request) and rng.random() < 0.4 else None
        )
        for _ in range(40):
            await stage.wait(10, step=10)
            there = await stage.standing("pixverse-a")
            assert there.taken <= there.max_jobs
            assert 1 <= there.limit <= there.max_jobs
