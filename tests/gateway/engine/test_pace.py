"""How often providers are asked: one list for all jobs of an account, rarer where they call."""

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.engine.cancel import cancel
from gateway.engine.tools import CALLS
from gateway.model.clock import SECOND
from gateway.model.phases import Phase
from gateway.storage import StorageError, accounts
from tests.gateway.engine.lost_support import PROMPT, call_back, is_list
from tests.rig import Rig, pictory, pixverse, rig


def times(stage: Rig) -> list[float]:
    """When the provider was asked how far it is."""
    noted: list[float] = []

    def note(request: httpx.Request) -> None:
        if request.method == "GET":
            noted.append(stage.now() / SECOND)

    stage.provider_wire.meddle = note
    return noted


@pytest.mark.parametrize("count", [1, 8])
async def test_one_list_at_each_pace_serves_every_job_of_an_account(
    tmp_path: Path, count: int
) -> None:
    async with rig(
        tmp_path,
        accounts=[pixverse(max_jobs=8)],
        public_url=None,
    ) as stage:
        # They come at times of their own.
        for n in range(count):
            await stage.create(prompt=f"{PROMPT} {n} [[mock run=10m]]")
            await stage.wait(3, step=3)
        asked = times(stage)
        await stage.wait(150, step=1)

        pace = stage.tools.poll_seconds("useapi-pixverse")
        assert all(is_list(one) for one in stage.provider_wire.requests if one.method == "GET")
        assert 150 / (pace * 1.1 + 1) - 1 <= len(asked) <= 150 / (pace * 0.9) + 1
        assert min(later - before for before, later in pairwise(asked)) >= pace * 0.9 - 1


async def test_jobs_that_are_canceled_are_read_along_with_the_others(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse(max_jobs=4)], public_url=None) as stage:
        ids = [await stage.create(prompt=f"{PROMPT} {n} [[mock run=10m]]") for n in range(4)]
        await stage.wait(30, step=5)
        for one in ids[:2]:
            await cancel(stage.tools, None, one)
            await stage.wait(4, step=1)
        asked = times(stage)
        await stage.wait(100, step=1)

        pace = stage.tools.poll_seconds("useapi-pixverse")
        assert len(asked) <= 100 / (pace * 0.9) + 2


async def test_no_more_requests_of_an_account_are_under_way_than_it_should_bear(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=20)], public_url=None) as stage:
        for n in range(20):
            await stage.create(prompt=f"{PROMPT} {n} [[mock run=10m]]")
        await stage.settle()
        await stage.mock.advance(60)
        now = most = done = 0

        async def slow(_: httpx.Request) -> None:
            nonlocal now, most, done
            now += 1
            most = max(most, now)
            for _turn in range(20):
                await asyncio.sleep(0)
            now -= 1
            done += 1

        stage.provider_wire.spoil = slow
        await stage.settle()
        assert (most, done) == (CALLS, 20)


async def streak(stage: Rig) -> int:
    """How many ends in a row callbacks told of."""
    return await stage.tools.database.read(
        lambda connection: accounts.callbacks(connection, "pictory-main")
    )


async def test_where_callbacks_tell_of_every_end_polls_grow_rarer_and_never_stop(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        for n in range(5):
            await stage.create(prompt=f"{PROMPT} {n}")
            await stage.wait(60, step=1)
        assert await streak(stage) == 5
        job_id = await stage.create(prompt=f"{PROMPT} [[mock run=5m no-callback]]")
        await stage.settle()
        asked = times(stage)
        await stage.wait(280, step=1)

        pace = stage.tools.poll_seconds("pictory")
        gaps = [later - before for before, later in pairwise(asked)]
        assert pace * 1.2 < min(gaps)
        assert max(gaps) <= 30 * 1.1 + 1

        # One that did not call is enough to be asked as before.
        await stage.wait(60, step=1)
        assert await stage.phase(job_id) is Phase.COMPLETED
        assert await streak(stage) == 0


async def test_a_film_that_is_fetched_at_the_second_try_has_ended_once(tmp_path: Path) -> None:
    broken = [httpx.Response(503, stream=httpx.ByteStream(b""))]
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        stage.media_wire.meddle = lambda _: broken.pop() if broken else None
        job_id = await stage.create(prompt=PROMPT)
        await stage.wait(120, step=1)

        assert (await stage.events(job_id)).count("rendered") == 2
        assert await streak(stage) == 1


async def test_progress_is_kept_and_a_job_that_gets_on_is_not_stalled(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        body = {"success": True, "data": {"status": "in-progress"}}
        stage.provider_wire.meddle = lambda request: (
            httpx.Response(200, json=body) if request.method == "GET" else None
        )
        job_id = await stage.create(prompt=f"{PROMPT} [[mock run=60m]]")
        await stage.settle()
        for word in ("in-progress", "a word nobody knows", "in-progress"):
            body["data"] = {"status": word}
            await stage.wait(550, step=50)
            job = await stage.job(job_id)
            assert (job.phase, job.word) == (Phase.RENDERING, word)
        await stage.wait(400, step=50)
        # That it got on does not move the other deadline.
        job = await stage.job(job_id)
        assert job.phase is Phase.NEEDS_ATTENTION
        assert job.error is not None
        assert job.error.code == "overdue"


async def test_a_callback_at_the_wrong_moment_is_kept_for_the_right_one(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await stage.create(prompt=f"{PROMPT} [[mock no-callback]]")
        early: list[int] = []

        async def spoil(request: httpx.Request) -> None:
            if request.method == "POST" and not early:
                # The provider calls before it has answered, and then the answer is lost.
                (made,) = stage.mock.jobs
                early.append(await call_back(stage, {"job_id": made.order.id}, request))
                raise httpx.ReadError("reset", request=request)

        stage.provider_wire.spoil = spoil
        await stage.settle()
        assert early == [200]
        assert (await stage.events(job_id))[-2:] == ["outcome_lost", "adopted"]


async def test_a_refusal_is_not_believed_where_a_callback_tells_of_a_job(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        stage.mock.fail_next("submit#1:accept-then-status=429")
        job_id = await stage.create(prompt=f"{PROMPT} [[mock no-callback]]")

        async def spoil(request: httpx.Request) -> None:
            if request.method == "POST" and stage.submits() == 1:
                (made,) = stage.mock.jobs
                await call_back(stage, {"job_id": made.order.id}, request)

        stage.provider_wire.spoil = spoil
        await stage.wait(120, step=5)

        assert await stage.phase(job_id) is Phase.COMPLETED
        assert stage.submits() == len(stage.mock.ledger.charges) == 1


async def test_a_callback_after_a_refusal_saves_the_second_payment(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        stage.mock.fail_next("submit#1:accept-then-status=429")
        job_id = await stage.create(prompt=PROMPT)
        await stage.settle()
        # It rests now, for 30 seconds at least.
        assert await stage.phase(job_id) is Phase.WAITING_FOR_SLOT
        (made,) = stage.mock.jobs
        await call_back(stage, {"job_id": made.order.id})
        await stage.wait(120, step=5)

        assert await stage.phase(job_id) is Phase.COMPLETED
        assert stage.submits() == len(stage.mock.ledger.charges) == 1


async def test_two_ids_that_callbacks_name_are_one_film_and_one_orphan(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        stage.mock.fail_next("submit#1:accept-then-reset")
        stage.provider_wire.meddle = lambda one: httpx.Response(503) if is_list(one) else None
        job_id = await stage.create(prompt=f"{PROMPT} [[mock no-callback]]")
        other = await stage.create(prompt=f"{PROMPT} other [[mock no-callback]]")
        await stage.settle()
        submits = [one for one in stage.provider_wire.requests if one.method == "POST"]
        mine, theirs = (one.order.id for one in stage.mock.jobs)
        # As if the provider had made both of them of the first submission.
        await stage.tools.database.write(
            lambda connection: connection.exec_driver_sql(
                f"UPDATE attempts SET remote_id = NULL WHERE job_id = '{other}'"  # noqa: S608
            )
        )
        for name in (mine, theirs, mine, theirs):
            await call_back(stage, {"job_id": name}, submits[0])
            await stage.settle()
        (orphan,) = await stage.orphans()
        assert (orphan.remote_id, orphan.job_id) == (theirs, job_id)
        await stage.wait(10, step=5)
        assert (await stage.job(job_id)).remote_id == mine


async def test_a_look_that_the_database_cut_short_is_made_again_at_once(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await stage.create(model="pictory/pixverse5.5", prompt="The harbour at dusk")
        await stage.settle()
        read, test = stage.tools.database.read, asyncio.current_task()
        left = ["away"]

        async def away_once(run: Any) -> Any:
            if left and asyncio.current_task() is not test:
                raise StorageError(left.pop())
            return await read(run)

        stage.tools.database.__dict__["read"] = away_once
        await stage.mock.advance(17)
        await stage.settle()

        assert not left
        looked = (await stage.job(job_id)).due_at
        assert looked is not None
        # Not the lease of a look that nobody makes.
        assert looked < stage.now() + 60 * SECOND
