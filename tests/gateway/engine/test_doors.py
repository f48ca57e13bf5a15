"""A provider's door: what it refuses for all accounts, and what for one job alone."""

import asyncio
from pathlib import Path

import httpx

from gateway.model.blame import BLAMED
from gateway.model.phases import Phase
from providers.contract import Fault
from tests.rig import Rig, is_submit, pictory, rig

PROMPT = "The harbour at dusk"
BLOCKED = httpx.Response(403, text="<html>Request blocked</html>")


def refusing(stage: Rig, words: str = "") -> None:
    """From now on the door refuses prompts with these words in them."""
    stage.provider_wire.meddle = lambda request: (
        BLOCKED if is_submit(request) and words.encode() in request.content else None
    )


async def test_a_job_that_the_door_refuses_while_others_pass_fails_and_rests_nobody(
    tmp_path: Path, database_url: str
) -> None:
    accounts = [pictory("one", max_jobs=1), pictory("two", max_jobs=1)]
    async with rig(tmp_path, accounts=accounts, database_url=database_url) as stage:
        refusing(stage, "poison")
        poison = await stage.create_of("mallory", prompt=f"{PROMPT} poison")
        await stage.settle()
        rests = (await stage.standing("two")).rests_until
        assert rests is not None
        # The other account rests as well, though for seconds.
        assert rests <= stage.now() + 6_000_000
        others = [await stage.create_of("alice", prompt=f"{PROMPT} {n}") for n in range(12)]
        await stage.wait(600, step=5)

        job = await stage.job(poison)
        assert job.phase is Phase.FAILED
        assert job.error is not None
        assert BLAMED[job.error.code] == "caller"
        assert "lets others through: <html>Request blocked</html>" in job.error.message
        assert (await stage.events(poison))[-1] == "refused"
        assert (await stage.events(poison)).count("turned_away") <= 2
        assert {await stage.phase(one) for one in others} == {Phase.COMPLETED}


async def test_prompts_that_come_together_and_are_refused_hold_others_up_for_moments_only(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=8)]) as stage:
        refusing(stage, "poison")
        bad = [await stage.create_of(f"mallory-{n}", prompt=f"{PROMPT} poison") for n in range(5)]
        good = [await stage.create_of("alice", prompt=f"{PROMPT} {n}") for n in range(16)]
        await stage.wait(400, step=5)
        assert {await stage.phase(one) for one in good} == {Phase.COMPLETED}
        assert {await stage.phase(one) for one in bad} == {Phase.FAILED}


async def test_a_door_that_is_shut_for_everybody_fails_no_job_and_is_asked_now_and_then(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory("one"), pictory("two")]) as stage:
        first = await stage.create(prompt=PROMPT)
        await stage.wait(60, step=10)
        assert await stage.phase(first) is Phase.COMPLETED
        refusing(stage)
        ids = [await stage.create(prompt=f"{PROMPT} {n}") for n in range(10)]
        before = len(stage.provider_wire.requests)
        await stage.wait(3600, step=20)

        assert {await stage.phase(one) for one in ids} == {Phase.WAITING_FOR_SLOT}
        # The first six at once, and then one for each account at every rest's end.
        assert len(stage.provider_wire.requests) - before <= 6 + 2 * 12
        standing = await stage.standing("two")
        assert standing.reason == Fault.BLOCKED.value

        stage.provider_wire.meddle = lambda _: None
        await stage.wait(900, step=20)
        assert {await stage.phase(one) for one in ids} == {Phase.COMPLETED}


async def test_what_the_door_lets_through_ends_the_rest_of_all_accounts(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory("one"), pictory("two")]) as stage:
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def wait(request: httpx.Request) -> None:
            if is_submit(request):
                asked.set()
                await go_on.wait()

        stage.provider_wire.spoil = wait
        refusing(stage, "poison")
        good = await stage.create(prompt=PROMPT)
        under_way = asyncio.create_task(stage.engine.turn())
        await asked.wait()
        for n in range(2):
            await stage.create(prompt=f"{PROMPT} poison {n}")
        await stage.engine.turn()
        # Two jobs in a row were refused.
        assert (await stage.standing("two")).rests_until == stage.now() + stage.tools.rest
        go_on.set()
        await under_way

        assert await stage.phase(good) is Phase.RENDERING
        assert [(await stage.standing(one)).rests_until for one in ("one", "two")] == [None, None]
