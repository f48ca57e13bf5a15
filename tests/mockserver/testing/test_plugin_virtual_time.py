"""Virtual time for tests: code that sleeps between its polls runs unchanged and at once."""

import time

import pytest

from tests.mockserver.testing.suites import Suite

pytest_plugins = ["pytester"]

CLIENT = """
import asyncio
import time
import anyio
import httpx
import pytest

ORDER = {"prompt": "A drone over a forest [[mock run=85s]]"}

async def film(pictory, sleep=asyncio.sleep):
    async with pictory.async_client() as client:
        job = (await client.post("/v1/aistudio/videos", json=ORDER)).json()["data"]["jobId"]
        while True:
            look = (await client.get(f"/v1/jobs/{job}")).json()["data"]
            if look["status"] == "completed":
                return look
            await sleep(15)
"""


@pytest.fixture(autouse=True)
def _quick() -> object:
    began = time.perf_counter()
    yield
    assert time.perf_counter() - began < 30


def test_a_client_polls_for_ninety_seconds_at_once(suite: Suite) -> None:
    result = suite(
        CLIENT
        + """
@pytest.mark.virtual_time
async def test_marked(world, clock, pictory):
    assert (await film(pictory))["status"] == "completed"
    assert clock.now == world.clock.now() == asyncio.get_running_loop().time() == 90
    assert world.clock.utc(0).isoformat() == "2026-01-01T00:00:00+00:00"

@pytest.mark.virtual_time
async def test_thirty_clients(world, pictory):
    await asyncio.gather(*(film(pictory) for _ in range(30)))
    assert world.clock.now() == 90

@pytest.mark.virtual_time
async def test_it_may_be_moved_by_hand_too(world, clock, pictory):
    making = asyncio.create_task(film(pictory))
    await asyncio.sleep(1)
    await clock.advance(100)
    assert (await making)["status"] == "completed"

async def test_unmarked(world):
    assert world.clock.kind == "frozen"
    assert abs(asyncio.get_running_loop().time() - time.monotonic()) < 60

@pytest.mark.virtual_time
@pytest.mark.world(faults=["poll#2:timeout"])
async def test_a_time_out_takes_virtual_time(world, pictory):
    with pytest.raises(httpx.ReadTimeout):
        await film(pictory)
    assert world.clock.now() == 20
"""
    )
    result.assert_outcomes(passed=5)


def test_under_anyio_as_well(suite: Suite) -> None:
    result = suite(
        CLIENT
        + """
pytestmark = pytest.mark.anyio

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.virtual_time
async def test_marked(world, clock, pictory):
    await film(pictory, anyio.sleep)
    assert clock.now == 90

async def test_unmarked(world):
    assert world.clock.kind == "frozen"
""",
        "-p",
        "anyio",
        asyncio=False,
    )
    result.assert_outcomes(passed=2)


def test_a_client_that_does_not_await_sleeps_in_the_world_s_time(suite: Suite) -> None:
    result = suite(
        CLIENT
        + """
@pytest.mark.virtual_time
def test_marked(world, clock, pictory):
    began = time.time()
    with pictory.client() as client:
        job = client.post("/v1/aistudio/videos", json=ORDER).json()["data"]["jobId"]
        deadline = time.monotonic() + 600
        while client.get(f"/v1/jobs/{job}").json()["data"]["status"] != "completed":
            assert time.monotonic() < deadline
            time.sleep(15)
    assert clock.now == time.time() - began == 90
"""
    )
    result.assert_outcomes(passed=1)


def test_a_poll_without_end_ends_its_test(suite: Suite) -> None:
    result = suite(
        CLIENT
        + """
@pytest.mark.virtual_time
async def test_marked(world):
    while True:
        await asyncio.sleep(15)
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*VirtualTimeLimitError*"])


def test_the_served_mock_has_no_part_in_it(suite: Suite) -> None:
    result = suite(
        CLIENT
        + """
@pytest.mark.virtual_time
async def test_served(mock_server, pictory):
    pass

@pytest.mark.virtual_time
def test_served_without_await(pictory, clock):
    with httpx.Client(base_url=pictory.url, headers=pictory.headers) as client:
        client.post("/v1/aistudio/videos", json=ORDER)
        time.sleep(90)
    assert clock.now == 90
"""
    )
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(["UsageError: an async test in virtual time*"])
