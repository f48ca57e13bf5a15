"""The page about mocking another provider is true: its file is run here, as a row of a world."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mockserver import MockServer, ReplyLost, Settings, World
from mockserver.provider import Provider
from mockserver.registry import PROVIDERS

PAGE = Path(__file__).parents[2] / "docs" / "mock-provider.md"
FROZEN = Settings(clock="frozen")


def written() -> type[Provider]:
    """The class that the page shows, with the row it asks for."""
    names: dict[str, Any] = {"PROVIDERS": PROVIDERS}
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), names)  # noqa: S102 - our own page
    assert [kind.name for kind in names["PROVIDERS"]] == ["pictory", "pixverse", "reelworks"]
    made: type[Provider] = names["Reelworks"]
    return made


REELWORKS = written()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World(settings=FROZEN, providers=(*PROVIDERS, REELWORKS)) as made:
        yield made


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=world.app)
    headers = {"x-reel-key": world.key("reelworks")}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://mock.test/reelworks", headers=headers
    ) as client:
        yield client


async def test_its_job_lives_is_charged_and_leaves_a_film(
    world: World, http: httpx.AsyncClient
) -> None:
    created = await http.post("/clips", json={"text": "a harbour", "length": 3})
    clip = created.json()["clip"]
    states = []
    for _ in range(3):
        states.append((await http.get(f"/clips/{clip}")).json()["state"])
        await world.advance(30)
    film = await http.get((await http.get(f"/clips/{clip}")).json()["file"])

    assert created.status_code == 201
    assert states == ["queued", "rolling", "done"]
    assert world.ledger.total == {"reelworks": 75}
    assert film.content[4:8] == b"ftyp"


async def test_faults_strike_it_like_any_other(world: World, http: httpx.AsyncClient) -> None:
    world.fail_next("submit@reelworks#1:accept-then-reset", "poll#1:status=503")
    with pytest.raises(ReplyLost):
        await http.post("/clips", json={"text": "a harbour", "length": 3})
    (job,) = world.jobs

    assert (await http.get(f"/clips/{job.id}")).status_code == 503
    assert (await http.get(f"/clips/{job.id}")).status_code == 200
    assert world.ledger.total == {"reelworks": 75}


async def test_what_breaks_its_rules_is_refused(world: World, http: httpx.AsyncClient) -> None:
    for body in (b"", b"[]", b'{"text": "x", "length": 4}', b'{"text": "[[mock x]]", "length": 3}'):
        assert (await http.post("/clips", content=body)).status_code == 400
    assert (await http.get("/clips/none")).status_code == 404
    assert len(world.jobs) == 0


async def test_its_callbacks_tell_of_the_end_and_can_be_forged() -> None:
    heard: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        heard.append(request.read())
        return httpx.Response(200)

    transport = httpx.MockTransport(answer)
    async with World(
        settings=FROZEN, providers=(REELWORKS,), callback_transport=transport
    ) as world:
        world.fail_next("callback#1:forge")
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=world.app), base_url="http://mock.test"
        ) as http:
            body = {"text": "a harbour", "length": 3, "notify": "http://127.0.0.1:9/told"}
            await http.post("/reelworks/clips", json=body, headers={"x-reel-key": "mock"})
            await world.run_until_idle()

    assert [delivery.how for delivery in world.journal.deliveries] == ["forged", ""]
    assert b"/media/forged-" in heard[0]
    assert b"/media/reelworks-" in heard[1]


async def test_its_keys_name_worlds_and_forks_keep_its_jobs() -> None:
    async with MockServer(FROZEN, providers=(REELWORKS,)) as mock:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=mock.app), base_url="http://mock.test"
        ) as http:
            headers = {"x-reel-key": mock.world("film").key("reelworks")}
            body = {"text": "a harbour", "length": 3}
            await http.post("/reelworks/clips", json=body, headers=headers)
        fork = mock.world("film").fork("other")
        await fork.advance(60)

        assert [job.phase.value for job in fork.jobs] == ["completed"]
        assert [job.phase.value for job in mock.world("film").jobs] == ["queued"]
