"""The mock as a transport of httpx, for clients that await and for those that do not."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from mockserver import MockServer, ReplyLost, Settings, World
from mockserver.engine.by_wall import WallScheduler
from mockserver.testing.loop import VirtualTimeLoop, run
from mockserver.ways.portal import move_in, portal
from tests.mockserver.drivers import Receiver, png

PICTORY = "https://api.pictory.ai/pictoryapis/v1"
USEAPI = "https://api.useapi.net/v2/pixverse"
KEY = {"Authorization": "pictai_test"}
TOKEN = {"Authorization": "Bearer user:1234-test"}
ORDER = {"prompt": "A drone over a forest"}
HOOK = "http://127.0.0.1:9/hook"


def frozen(*faults: str, **settings: Any) -> World:
    return World(settings=Settings(clock="frozen", faults=faults, **settings))


def client_of(mock: World | MockServer, read: float | None = 5.0) -> httpx.AsyncClient:
    timeout = httpx.Timeout(5.0, read=read)
    return httpx.AsyncClient(transport=mock.transport(), timeout=timeout, headers=KEY)


async def order(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post(f"{PICTORY}/aistudio/videos", json=ORDER)


async def finished(world: World, client: httpx.AsyncClient) -> str:
    job = (await order(client)).json()["data"]["jobId"]
    await world.run_until_idle()
    link: str = (await client.get(f"{PICTORY}/jobs/{job}")).json()["data"]["url"]
    return link


async def test_production_urls_work_and_links_lead_back_to_the_same_host() -> None:
    world = frozen()
    async with world, client_of(world) as client:
        link = await finished(world, client)
        assert link.startswith("https://api.pictory.ai/media/")
        assert (await client.get(link)).content[4:8] == b"ftyp"
        video = await client.post(
            f"{USEAPI}/videos/create-v4", json={"prompt": "dawn"}, headers=TOKEN
        )
        assert video.status_code == 200
        assert [job.order.provider for job in world.jobs] == ["pictory", "pixverse"]


async def test_what_no_provider_has_is_not_found_whatever_the_host() -> None:
    world = frozen()
    async with world, client_of(world) as client:
        got = await client.get("https://example.com/v1/videos")
        assert (got.status_code, got.json()) == (404, {"error": "No such path: /v1/videos"})


async def test_a_body_may_be_sent_piece_by_piece() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for byte in b'{"prompt": "A drone over a forest"}':
            yield bytes([byte])

    world = frozen()
    async with world, client_of(world) as client:
        json = {"Content-Type": "application/json"}
        got = await client.post(f"{PICTORY}/aistudio/videos", content=pieces(), headers=json)
        assert got.status_code == 200


@pytest.mark.parametrize("fault", ["submit#1:timeout", "submit#1:late=6s", "submit#1:slow=6s"])
async def test_where_time_stands_still_an_impatient_client_times_out_at_once(fault: str) -> None:
    world, began = frozen(fault), time.perf_counter()
    async with world, client_of(world) as client:
        with pytest.raises(httpx.ReadTimeout, match=r"no reply within 5 s$") as caught:
            await order(client)
        assert time.perf_counter() - began < 1
        assert world.clock.now() == 0
        assert caught.value.request.method == "POST"


async def test_where_nobody_moves_time_a_client_is_told_so_after_as_long_in_real_time() -> None:
    world = frozen("submit#1:late=1ms")
    async with world, client_of(world, read=0.05) as client:
        with pytest.raises(httpx.ReadTimeout, match=r"not moved on from 0 s to 0\.001 s"):
            await order(client)


async def test_what_an_impatient_client_has_asked_for_goes_on() -> None:
    world = frozen("submit#1:slow=20s")
    async with world, client_of(world) as client:
        with pytest.raises(httpx.ReadTimeout):
            await order(client)
        assert len(world.jobs) == 0
        await world.advance(20)
        assert len(world.jobs) == 1
        assert world.journal.requests[0].replied_at == 20


async def test_two_delays_add_up_to_more_than_a_client_is_ready_to_wait() -> None:
    world = frozen("submit#1:slow=20s", "submit#1:late=20s")
    async with world, client_of(world, read=30) as client:
        ordering = asyncio.create_task(order(client))
        await asyncio.sleep(0.01)
        await world.advance(20)
        with pytest.raises(httpx.ReadTimeout):
            await ordering
        assert world.clock.now() == 20


@pytest.mark.parametrize("read", [60.0, None])
async def test_a_patient_client_gets_its_reply_when_time_is_moved(read: float | None) -> None:
    world = frozen("submit#1:late=60s")
    async with world, client_of(world, read=read) as client:
        ordering = asyncio.create_task(order(client))
        await asyncio.sleep(0.01)
        assert not ordering.done()
        await world.advance(60)
        assert (await ordering).status_code == 200


@pytest.mark.parametrize("fault", ["submit#1:timeout", "submit#1:late=6s"])
def test_in_virtual_time_a_time_out_takes_as_long_as_the_client_waits(fault: str) -> None:
    async def main() -> tuple[float, float]:
        world = World(settings=Settings(clock="real", faults=(fault,)))
        async with world, client_of(world) as client:
            with pytest.raises(httpx.ReadTimeout):
                await order(client)
            return asyncio.get_running_loop().time(), world.clock.now()

    assert run(main()) == (5.0, 5.0)


async def test_by_the_wall_a_time_out_takes_real_time() -> None:
    world = World(settings=Settings(clock="real", faults=("submit#1:timeout",)))
    async with world, client_of(world, read=0.1) as client:
        began = time.perf_counter()
        with pytest.raises(httpx.ReadTimeout):
            await order(client)
        assert time.perf_counter() - began >= 0.09


@pytest.mark.parametrize("fault", ["submit#1:timeout", "submit#1:late=60s"])
async def test_where_time_skips_a_time_out_is_skipped_to(fault: str) -> None:
    world = World(settings=Settings(clock="auto-skip", faults=(fault,)))
    async with world, client_of(world, read=30) as client:
        began = time.perf_counter()
        with pytest.raises(httpx.ReadTimeout):
            await order(client)
        assert world.clock.now() == 30
        assert time.perf_counter() - began < 5


async def test_a_cut_body_is_found_out_while_it_is_read_and_not_before() -> None:
    world = frozen("download#1:cut=50%")
    async with world, client_of(world) as client:
        link = await finished(world, client)
        async with client.stream("GET", link) as response:
            assert response.status_code == 200
            size = int(response.headers["content-length"])
            parts = response.aiter_raw()
            got = len(await anext(parts))
            with pytest.raises(ReplyLost):
                await anext(parts)
        assert got == size // 2


async def test_a_slow_body_comes_in_pieces_as_time_goes_by() -> None:
    world = frozen("download#1:trickle=10s")
    async with world, client_of(world) as client:
        link = await finished(world, client)
        seen: list[float] = []

        async def fetch() -> None:
            async with client.stream("GET", link) as response:
                seen.extend([world.clock.now() - 50 async for _ in response.aiter_raw()])

        fetching = asyncio.create_task(fetch())
        await asyncio.sleep(0.05)
        await world.advance(60)
        await fetching
        assert seen == list(range(10))


async def test_a_body_that_comes_too_slowly_is_a_time_out() -> None:
    world = frozen("download#1:trickle=100s")
    async with world, client_of(world) as client:
        link = await finished(world, client)
        async with client.stream("GET", link) as response:
            with pytest.raises(httpx.ReadTimeout):
                await response.aread()


async def test_a_client_that_goes_away_leaves_the_work_to_be_done() -> None:
    world = frozen("submit#1:slow=20s")
    async with world, client_of(world, read=None) as client:
        ordering = asyncio.create_task(order(client))
        await asyncio.sleep(0.01)
        ordering.cancel()
        await asyncio.gather(ordering, return_exceptions=True)
        await world.advance(20)
        assert len(world.jobs) == 1


# --- without await


@pytest.fixture
def world() -> Iterator[World]:
    receiver = Receiver()
    made = World(
        settings=Settings(clock="frozen"),
        callback_transport=receiver.transport,
    )
    yield made
    made.sync.close()


def ordered(client: httpx.Client, **more: str) -> str:
    job: str = client.post(f"{PICTORY}/aistudio/videos", json=ORDER | more).json()["data"]["jobId"]
    return job


def test_a_client_that_does_not_await_sees_a_whole_job(world: World) -> None:
    with httpx.Client(transport=world.transport(), headers=KEY) as client:
        job = ordered(client, webhook=HOOK)
        happened = world.sync.advance_until(job, "running")
        assert (happened[-1].at, world.sync.now) == (5, 5)
        world.sync.run_until_idle()
        assert world.journal.deliveries[-1].status == 200
        link = client.get(f"{PICTORY}/jobs/{job}").json()["data"]["url"]
        assert client.get(link).content[4:8] == b"ftyp"
        world.sync.advance(2.5)
        assert world.sync.now == 52.5


async def test_it_does_so_within_a_running_loop_too(world: World) -> None:
    with httpx.Client(transport=world.transport(), headers=KEY) as client:
        job = ordered(client)
        world.sync.advance(20)
        await world.advance(30)
        async with client_of(world) as other:
            look = (await other.get(f"{PICTORY}/jobs/{job}")).json()
    assert look["data"]["status"] == "completed"


def test_it_can_finish_jobs_and_begin_anew(world: World) -> None:
    with httpx.Client(transport=world.transport(), headers=KEY) as client:
        job = ordered(client)
        world.sync.finish(job, "moderation")
        found = world.jobs.find(job)
        assert found is not None
        assert found.phase == "moderated"
        world.sync.reset()
        assert len(world.jobs) == 0


def test_it_gets_the_same_errors(world: World) -> None:
    world.fail_next(
        "submit#1:reset", "submit#2:timeout", "submit#3:accept-then-cut", "submit#4:late=1h"
    )
    with httpx.Client(transport=world.transport(), headers=KEY) as client:
        for error in (ReplyLost, httpx.ReadTimeout, ReplyLost, httpx.ReadTimeout):
            with pytest.raises(error):
                ordered(client)
    assert len(world.jobs) == 2


def test_it_can_read_a_body_bit_by_bit_and_leave_it(world: World) -> None:
    world.fail_next("download#1:cut=50%", "download#2:trickle=100s")
    with httpx.Client(transport=world.transport(), headers=KEY) as client:
        job = ordered(client)
        world.sync.run_until_idle()
        link = client.get(f"{PICTORY}/jobs/{job}").json()["data"]["url"]
        with client.stream("GET", link) as response, pytest.raises(ReplyLost):
            response.read()
        with client.stream("GET", link) as response:
            assert len(next(response.iter_raw())) * 10 >= int(response.headers["content-length"])


def test_an_error_of_the_mock_s_caller_comes_out_where_it_was_made(world: World) -> None:
    with pytest.raises(KeyError, match="nothing"):
        world.sync.advance_until("nothing")
    with pytest.raises(ValueError, match="back"):
        world.sync.advance(-1)


def test_a_callback_that_asks_the_mock_without_awaiting_is_told_why_it_cannot() -> None:
    async def ask_again() -> None:
        portal().call(lambda: asyncio.sleep(0))

    with pytest.raises(RuntimeError, match="in a thread of its own"):
        portal().call(ask_again)


ENDS = """
import asyncio
from mockserver.ways.portal import portal

async def work():
    await asyncio.to_thread(print, "in a thread")
    waiting.append(asyncio.create_task(wait()))
    await asyncio.sleep(0)

async def wait():
    try:
        await asyncio.Event().wait()
    finally:
        print("let go")

waiting = []
portal().call(work)
"""


def test_a_process_ends_in_silence_though_work_of_the_mock_is_left_over() -> None:
    done = subprocess.run([sys.executable, "-c", ENDS], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("in a thread\nlet go\n", "")


def test_an_upload_is_found_by_a_world_that_has_moved_between_loops(world: World) -> None:
    with httpx.Client(transport=world.transport(), headers=TOKEN) as client:
        sent = client.post(
            f"{USEAPI}/files", content=png("teal"), headers={"Content-Type": "image/png"}
        ).json()["result"][0]

    async def main() -> bytes:
        async with client_of(world) as other:
            return (await other.get(sent["url"])).content

    assert asyncio.run(main()) == png("teal")


def test_a_loop_in_virtual_time_waits_for_a_world_that_lives_elsewhere(world: World) -> None:
    world.sync.advance(1)

    async def main() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        async with client_of(world) as client, asyncio.timeout(1):
            for _ in range(20):
                await order(client)
        return loop.time()

    assert run(main()) == 0
    assert len(world.jobs) == 20


async def test_a_client_that_gives_up_leaves_nothing_behind() -> None:
    world, before = frozen("submit:accept-then-timeout"), asyncio.all_tasks()
    async with world, client_of(world, None) as client:
        for _ in range(3):
            asking = asyncio.create_task(order(client))
            await asyncio.sleep(0.02)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
    await asyncio.sleep(0.02)

    assert asyncio.all_tasks() == before


async def test_a_reply_that_comes_slowly_waits_where_its_world_lives() -> None:
    settings = Settings(
        clock="real", queue_seconds=0, run_seconds=0.02, faults=("download#1:trickle=1s",)
    )
    world = World(settings=settings)
    move_in(world)
    waits: list[object] = []

    class Watched(WallScheduler):
        async def pause(self, seconds: float) -> None:
            waits.append(asyncio.get_running_loop())
            await super().pause(seconds / 100)

    world.engine.scheduler.__class__ = Watched
    async with client_of(world) as client:
        film = await client.get(await finished(world, client))
    await world.aclose()

    assert film.status_code == 200
    assert set(waits) == {world.home}
