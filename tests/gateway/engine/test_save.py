"""Finished films are brought home: whatever is in the way of one delays it and no other."""

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.engine import save
from gateway.model.phases import Phase
from gateway.net import DownloadFailed
from tests.rig import Rig, pictory, pixverse, rig

PROMPT = "The harbour at dusk"
MINUTE = 60


class Disk:
    """The media's disk: full until somebody makes room."""

    def __init__(self, stage: Rig, trouble: Callable[[], Exception]) -> None:
        self.full, self.tries = True, 0
        self._fetch, self._trouble = stage.tools.upstream.fetch, trouble
        object.__setattr__(stage.tools.upstream, "fetch", self.fetch)

    async def fetch(self, *given: Any, **named: Any) -> Any:
        self.tries += 1
        if self.full:
            raise self._trouble()
        return await self._fetch(*given, **named)


FULL: dict[str, Callable[[], Exception]] = {
    "download": lambda: DownloadFailed("cannot write: no space", retry=True, ours=True),
    "disk": lambda: OSError(errno.ENOSPC, "no space"),
}


@pytest.mark.parametrize("trouble", FULL.values(), ids=FULL)
async def test_a_disk_that_was_full_delays_a_film_by_a_minute_and_asks_the_provider_nothing(
    tmp_path: Path, trouble: Callable[[], Exception]
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        disk = Disk(stage, trouble)
        job_id = await stage.create(prompt=PROMPT)
        await stage.wait(2 * MINUTE, step=5)
        asked, told = len(stage.provider_wire.requests), await stage.events(job_id)
        await stage.wait(20 * MINUTE, step=5)

        job = await stage.job(job_id)
        assert (job.phase, job.failures) == (Phase.DOWNLOADING, 0)
        assert 15 <= disk.tries <= 22
        assert len(stage.provider_wire.requests) == asked
        assert await stage.events(job_id) == told

        disk.full = False
        await stage.wait(75, step=5)
        assert await stage.phase(job_id) is Phase.COMPLETED


async def test_past_the_deadline_people_are_told_of_a_full_disk_and_its_end_is_noticed_soon(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        disk = Disk(stage, FULL["download"])
        job_id = await stage.create(prompt=PROMPT)
        await stage.wait(1900, step=10)

        job = await stage.job(job_id)
        assert job.phase is Phase.NEEDS_ATTENTION
        assert job.error is not None
        assert (job.error.code, job.error.message) == ("result_not_saved", "cannot write: no space")

        tries = disk.tries
        await stage.wait(7200, step=60)
        assert 20 <= disk.tries - tries <= 24
        assert await stage.phase(job_id) is Phase.NEEDS_ATTENTION
        disk.full = False
        await stage.wait(330, step=30)
        job = await stage.job(job_id)
        assert (job.phase, job.error) == (Phase.COMPLETED, None)
        assert stage.submits() == 1


async def test_a_link_that_ran_out_while_the_disk_was_full_is_replaced(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        disk = Disk(stage, FULL["download"])
        job_id = await stage.create(prompt=PROMPT)
        await stage.wait(20 * MINUTE, step=10)
        refusals = [httpx.Response(403, stream=httpx.ByteStream(b""))]
        stage.media_wire.meddle = lambda _: refusals.pop() if refusals else None
        disk.full = False
        await stage.wait(150, step=5)

        assert (await stage.events(job_id)).count("link_failed") == 1
        assert await stage.phase(job_id) is Phase.COMPLETED


async def test_a_provider_whose_films_hang_leaves_the_others_their_places(
    tmp_path: Path, database_url: str
) -> None:
    pictories = [pictory(max_jobs=5), pictory("pictory-second", max_jobs=5)]
    async with rig(tmp_path, accounts=[*pictories, pixverse()], database_url=database_url) as stage:
        fetch, go_on, hanging = stage.tools.upstream.fetch, asyncio.Event(), 0

        async def hang(url: str, *given: Any, **named: Any) -> Any:
            nonlocal hanging
            if "/pictory-" in url:
                hanging += 1
                await go_on.wait()
            return await fetch(url, *given, **named)

        object.__setattr__(stage.tools.upstream, "fetch", hang)
        for n in range(10):
            await stage.create(model="pictory/pixverse5.5", prompt=f"{PROMPT} {n}")
        mine = await stage.create(model="useapi-pixverse/v4", prompt=f"{PROMPT} [[mock run=90s]]")
        tasks: list[asyncio.Task[None]] = []
        ends = [Phase.DOWNLOADING] * 10 + [Phase.COMPLETED]
        for turn in range(200):
            if [job.phase for job in await stage.every_job()] == ends:
                break
            # Not for as long as a download may take.
            if turn < 15:
                await stage.mock.advance(10)
            tasks += (await stage.engine._take_up())[0]
            await asyncio.sleep(0.05)
        assert {job.account for job in await stage.every_job()} == {
            "pictory-main",
            "pictory-second",
            "pixverse-a",
        }
        assert await stage.phase(mine) is Phase.COMPLETED
        assert hanging == save.EACH
        # Full: nothing to wake up for, though more films are due.
        assert await stage.engine._pause() > 0.02

        go_on.set()
        await asyncio.gather(*tasks)
        await stage.settle()
        assert {job.phase for job in await stage.every_job()} == {Phase.COMPLETED}


async def test_a_film_of_an_account_that_left_the_configuration_is_fetched_all_the_same(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        disk = Disk(stage, FULL["disk"])
        job_id = await stage.create(prompt=PROMPT)
        await stage.wait(120, step=10)
        assert await stage.phase(job_id) is Phase.DOWNLOADING
        object.__setattr__(stage.tools, "accounts", {})
        disk.full = False
        await stage.wait(75, step=5)
        assert await stage.phase(job_id) is Phase.COMPLETED
