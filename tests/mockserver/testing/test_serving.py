"""The mock in a thread of the process."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import requests

from mockserver import MockServer, Settings, World
from mockserver.engine.journal import Transition
from mockserver.testing.serving import serve_in_thread

KEY = {"Authorization": "pictai_mock_x"}
PATH = "/pictoryapis/v1/aistudio/videos"


def order(origin: str, prompt: str = "A drone over a forest") -> str:
    answer = requests.post(origin + PATH, json={"prompt": prompt}, headers=KEY, timeout=5)
    job: str = answer.json()["data"]["jobId"]
    return job


def test_any_client_is_served_and_time_is_moved_without_await() -> None:
    mock = MockServer(Settings(clock="frozen"))
    with serve_in_thread(mock) as origin:
        job = order(origin)
        mock.world("x").sync.advance_until(job, "completed")
        look = requests.get(f"{origin}/pictoryapis/v1/jobs/{job}", headers=KEY, timeout=5).json()[
            "data"
        ]
        assert look["url"].startswith(f"{origin}/~x/media/")
        assert requests.get(look["url"], timeout=5).content[4:8] == b"ftyp"


async def test_time_is_moved_with_await_too() -> None:
    world = World(settings=Settings(clock="frozen"))
    with serve_in_thread(world) as origin:
        job = await asyncio.to_thread(order, origin)
        happened = await world.advance(50)
        assert {each.job for each in happened if each.job} == {job}
        assert isinstance(world.home, asyncio.AbstractEventLoop)
    assert vars(world)["home"] is None
    await world.aclose()


@pytest.mark.parametrize("how", ["accept-then-reset", "accept-then-cut"])
def test_a_reply_can_be_lost_without_a_word_in_the_log(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(settings=Settings(clock="frozen", faults=(f"submit#1:{how}",)))
    with serve_in_thread(world) as origin, pytest.raises(requests.RequestException):
        order(origin)
    assert len(world.jobs) == 1
    assert not caplog.records


def test_requests_of_many_threads_and_moves_of_time_do_not_get_in_each_other_s_way() -> None:
    async def moving(world: World) -> None:
        for _ in range(60):
            await world.advance(1)

    mock = MockServer(Settings(clock="frozen"))
    with serve_in_thread(mock) as origin, ThreadPoolExecutor(8) as threads:
        world = mock.world("x")
        orders = [threads.submit(order, origin, f"a boat at sea, {n}") for n in range(60)]
        asyncio.run(moving(world))
        assert len({each.result() for each in orders}) == 60
        world.sync.run_until_idle()
    # Two lines of one number would be one.
    assert len(world.journal.requests) == 60
    assert len(world.journal.of(Transition)) == 120
    assert all(job.ended for job in world.jobs)


def test_a_port_that_is_taken_is_an_error_at_once() -> None:
    with serve_in_thread(World()) as origin:
        port = httpx.URL(origin).port
        assert port is not None
        with pytest.raises(OSError, match="in use"), serve_in_thread(World(), port=port):
            pass
