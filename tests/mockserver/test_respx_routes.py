"""The mock behind a router of respx."""

import sys

import httpx
import pytest
import respx

from mockserver import MockServer, ReplyLost, Settings, World

PICTORY = "https://api.pictory.ai/pictoryapis/v1"
KEY = {"Authorization": "pictai_mock_x"}
ORDER = {"prompt": "A drone over a forest"}


async def test_clients_of_both_kinds_reach_the_mock_and_other_routes_stay() -> None:
    async with MockServer(Settings(clock="frozen")) as mock:
        with respx.mock() as router:
            route = mock.respx(router)
            router.get("https://example.com/own").respond(204)
            async with httpx.AsyncClient(headers=KEY) as client:
                first = await client.post(f"{PICTORY}/aistudio/videos", json=ORDER)
                assert (await client.get("https://example.com/own")).status_code == 204
            with httpx.Client(headers=KEY) as client:
                second = client.post(f"{PICTORY}/aistudio/videos", json=ORDER)
                job = first.json()["data"]["jobId"]
                await mock.world("x").run_until_idle()
                link = client.get(f"{PICTORY}/jobs/{job}").json()["data"]["url"]
                assert client.get(link).content[4:8] == b"ftyp"
            assert route.call_count == 4
        assert [job.id for job in mock.world("x").jobs] == [
            answer.json()["data"]["jobId"] for answer in (first, second)
        ]


@respx.mock
async def test_a_router_that_is_a_transport_will_do_as_well() -> None:
    router = respx.Router()
    async with World(settings=Settings(clock="frozen", faults=("submit#1:reset",))) as world:
        world.respx(router)
        transport = httpx.MockTransport(router.async_handler)
        async with httpx.AsyncClient(transport=transport, headers=KEY) as client:
            with pytest.raises(ReplyLost):
                await client.post(f"{PICTORY}/aistudio/videos", json=ORDER)
            got = await client.post(f"{PICTORY}/aistudio/videos", json=ORDER)
            assert got.status_code == 200


async def test_without_respx_there_is_a_word_on_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    router = respx.Router()
    monkeypatch.setitem(sys.modules, "respx", None)
    with pytest.raises(RuntimeError, match=r"pip install 'filmgate\[testing\]'"):
        World().respx(router)
