"""What a test with the plugin looks like: a film of three segments, and a reply that gets lost."""

from tests.mockserver.testing.suites import Suite

pytest_plugins = ["pytester"]

CLIENT = """
import asyncio
import os

import httpx
import pytest


async def make_film(prompts, http, *, careful):
    films, frame = [], None
    for prompt in prompts:
        order = {"prompt": prompt} | ({"firstFrameImageUrl": frame} if frame else {})
        job = await submit(http, order, careful=careful)
        while (look := (await http.get(f"/v1/jobs/{job}")).json()["data"])["status"] != "completed":
            await asyncio.sleep(15)
        films.append((await http.get(look["url"])).content)
        frame = look["lastFrameImageUrl"]
    return films


async def submit(http, order, *, careful):
    known = await listed(http)
    try:
        return (await http.post("/v1/aistudio/videos", json=order)).json()["data"]["jobId"]
    except httpx.TransportError:
        if not careful:
            return await submit(http, order, careful=True)
        # It may have been taken all the same: that is found out, and not paid for twice.
        (job,) = await listed(http) - known
        return job


async def listed(http):
    return {job["data"]["jobId"] for job in (await http.get("/v1/jobs")).json()["items"]}


@pytest.fixture
def application():
    key, base_url = os.environ["PICTORY_KEY"], os.environ["PICTORY_BASE_URL"]

    def client(transport):
        headers = {"Authorization": key}
        return httpx.AsyncClient(transport=transport, base_url=base_url, headers=headers)

    return client


@pytest.mark.parametrize("careful", [True, False])
@pytest.mark.world(faults=["submit#2:accept-then-reset"])
@pytest.mark.virtual_time
async def test_three_segments_survive_a_lost_reply(application, world, clock, careful):
    async with application(world.transport()) as http:
        films = await make_film(["at dawn", "at noon", "at dusk"], http, careful=careful)
    assert len(films) == 3
    assert clock.now == 180
    world.assert_no_double_charge()
    world.assert_chain(3)
"""

INI = """
mock_good_client = error
mock_network_guard = true
mock_env = PICTORY_BASE_URL={pictory.base_url} PICTORY_KEY={pictory.key}
"""


def test_a_careful_client_passes_and_one_that_pays_twice_does_not(suite: Suite) -> None:
    result = suite(CLIENT, ini=INI)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*test_three_segments_survive_a_lost_reply[[]False[]]*",
            "E *AssertionError: charged twice for one wish: 'at noon'",
        ]
    )
