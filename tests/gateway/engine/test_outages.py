"""Providers and accounts that take nothing for a while: every job keeps its place."""

import asyncio
import base64
from collections import Counter
from pathlib import Path

import httpx
import pytest

from gateway.engine import dispatch
from gateway.model.phases import Phase
from gateway.net.upstream import IN_FLIGHT
from gateway.storage import standings
from tests.gateway.engine.lost_support import PROMPT
from tests.rig import Rig, is_submit, pictory, picture, pixverse, rig

FRAME = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"


async def test_what_was_never_sent_is_sent_when_the_provider_is_back(tmp_path: Path) -> None:
    def down(request: httpx.Request) -> httpx.Response | None:
        raise httpx.ConnectError("refused", request=request)

    async with rig(tmp_path, accounts=[pictory()]) as stage:
        stage.provider_wire.meddle = down
        job_id = await stage.create(prompt=PROMPT)
        await stage.wait(30)
        job = await stage.job(job_id)
        assert job.phase is Phase.WAITING_FOR_SLOT
        assert job.attempts >= 2

        stage.provider_wire.meddle = lambda _: None
        await stage.wait(200, step=5)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED
        assert len(stage.mock.ledger.charges) == 1


async def test_no_more_is_submitted_at_once_than_there_are_connections(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=IN_FLIGHT + 4)]) as stage:
        full, go_on = asyncio.Event(), asyncio.Event()

        async def wait(_: httpx.Request) -> None:
            if stage.submits() == IN_FLIGHT:
                full.set()
            await go_on.wait()

        stage.provider_wire.spoil = wait
        for n in range(IN_FLIGHT + 4):
            await stage.create(prompt=f"{PROMPT} {n}")
        turn = asyncio.create_task(stage.engine.turn())
        await full.wait()
        phases = Counter(job.phase for job in await stage.every_job())
        # Of those that wait nobody may think that they were sent.
        assert phases == {Phase.SUBMITTING: IN_FLIGHT, Phase.PREPARING: 4}
        go_on.set()
        await turn
        assert {job.phase for job in await stage.every_job()} == {Phase.RENDERING}
        assert (await stage.standing("pictory-main")).rests_until is None


@pytest.mark.parametrize("upload", [False, True])
async def test_connections_that_are_all_busy_are_held_against_nobody(
    tmp_path: Path, *, upload: bool
) -> None:
    def busy(request: httpx.Request) -> httpx.Response | None:
        if request.method == "POST" and left:
            raise left.pop()
        return None

    left = [httpx.PoolTimeout("busy")]
    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        stage.provider_wire.meddle = busy
        job_id = await stage.create(prompt=PROMPT, **({"first_frame": FRAME} if upload else {}))
        await stage.engine.turn()
        job = await stage.job(job_id)
        assert (job.phase, job.turned_away, job.failures) == (Phase.WAITING_FOR_SLOT, 0, 0)
        standing = await stage.standing("pixverse-a")
        assert (standing.rests_until, standing.failures, standing.probing) == (None, 0, False)
        await stage.wait(10, step=5)
        assert await stage.phase(job_id) is Phase.RENDERING


async def test_a_bug_while_preparing_gives_the_slot_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:

        async def broken(*_: object) -> str:
            raise ZeroDivisionError

        monkeypatch.setattr(dispatch, "bring", broken)
        job_id = await stage.create(prompt=PROMPT, first_frame=FRAME)
        await stage.settle()

        assert (await stage.job(job_id)).phase is Phase.WAITING_FOR_SLOT


async def test_an_outage_of_the_provider_costs_no_job_with_pictures_its_place(
    tmp_path: Path,
) -> None:
    def down(request: httpx.Request) -> httpx.Response | None:
        raise httpx.ConnectError("refused", request=request)

    async with rig(tmp_path, accounts=[pixverse(max_jobs=1)]) as stage:
        ids = [await stage.create(prompt=f"{PROMPT} {n}", first_frame=FRAME) for n in range(5)]
        stage.provider_wire.meddle = down
        await stage.wait(600, step=5)
        tried = [len(await stage.attempts(one)) for one in ids]
        assert {(await stage.job(one)).phase for one in ids} == {Phase.WAITING_FOR_SLOT}
        # The account rests between tries, so the line does not churn.
        assert sum(tried) <= 20

        stage.provider_wire.meddle = lambda _: None
        await stage.wait(500, step=5)
        assert {(await stage.job(one)).phase for one in ids} == {Phase.COMPLETED}


async def test_a_job_that_turns_its_account_away_does_not_stop_the_others(tmp_path: Path) -> None:
    def refuse(request: httpx.Request) -> httpx.Response | None:
        if is_submit(request) and b"poison" in request.content:
            return httpx.Response(402, json={"message": "Forbidden"})
        return None

    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        stage.provider_wire.meddle = refuse
        poison = await stage.create(prompt=f"{PROMPT} poison")
        others = [await stage.create(prompt=f"{PROMPT} {n}") for n in range(3)]
        await stage.wait(900, step=10)

        assert {(await stage.job(one)).phase for one in others} == {Phase.COMPLETED}
        job = await stage.job(poison)
        assert job.phase is Phase.WAITING_FOR_SLOT
        assert job.turned_away == job.attempts >= 2


async def test_a_job_that_failed_for_want_of_credits_rests_its_account(tmp_path: Path) -> None:
    failed = {
        "success": False,
        "data": {"status": "failed", "error_code": "INSUFFICIENT_CREDITS"},
    }
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)], public_url=None) as stage:
        job_id = await stage.create(prompt=PROMPT)
        after = await stage.create(prompt=PROMPT)
        await stage.settle()
        stage.provider_wire.meddle = lambda request: (
            httpx.Response(200, json=failed) if request.method == "GET" else None
        )
        await stage.wait(60, step=5)

        assert (await stage.job(job_id)).phase is Phase.FAILED
        assert (await stage.job(after)).phase is Phase.WAITING_FOR_SLOT
        (rest,) = await resting(stage, "pictory")
        assert rest.reason == "insufficient_credits"

        stage.provider_wire.meddle = lambda _: None
        await stage.wait(420, step=10)
        assert (await stage.job(after)).phase is Phase.COMPLETED


async def resting(stage: Rig, provider: str) -> list[standings.Rest]:
    """The accounts of a provider, all of which rest."""
    return (
        await stage.tools.database.read(
            lambda connection: standings.resting(connection, [provider], stage.now())
        )
        or []
    )


async def test_a_job_that_was_turned_away_alone_has_its_place_back_after_a_while(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        refused = iter([httpx.Response(401, json={"message": "Unauthorized"})])
        stage.provider_wire.meddle = lambda one: next(refused, None) if is_submit(one) else None
        first = await stage.create(model="pictory/pixverse5.5", prompt="The harbour at dusk")
        await stage.settle()
        assert (await stage.job(first)).turned_away == 1
        later = [
            await stage.create(model="pictory/pixverse5.5", prompt=f"The harbour, take {n}")
            for n in range(60)
        ]
        await stage.wait(1500, step=60)
        assert (await stage.job(first)).attempt_id is None

        await stage.wait(1200, step=60)
        assert (await stage.job(first)).phase in {Phase.RENDERING, Phase.COMPLETED}
        assert (await stage.job(later[-1])).phase is Phase.WAITING_FOR_SLOT
