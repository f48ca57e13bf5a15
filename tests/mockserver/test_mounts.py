"""The mock under a path of another application."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from litestar import Litestar, asgi, get

from mockserver import MockServer, Settings, World
from mockserver.ways.transport import App
from mockserver.wire.http import Receive, Scope, Send
from tests.mockserver.drivers import PICTORY, USEAPI, png

PREFIX = "/providers/mock"


def by_litestar(app: App) -> Any:
    @asgi(PREFIX, is_mount=True, copy_scope=True)
    async def mount(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    @get("/")
    async def index() -> str:
        return "the application's own"

    return Litestar([mount, index], openapi_config=None)


def by_root_path(app: App) -> App:
    """As Starlette mounts: the path stays whole."""

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        await app(dict(scope, root_path=PREFIX), receive, send)

    return outer


def by_shorter_path(app: App) -> App:
    """As its older versions do: the path is what is left."""

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(PREFIX)
        await app(dict(scope, root_path=PREFIX, path=path), receive, send)

    return outer


Mount = Callable[[App], Any]


@pytest.fixture(params=[by_litestar, by_root_path, by_shorter_path])
def mount(request: pytest.FixtureRequest) -> Mount:
    made: Mount = request.param
    return made


def client_of(mount: Mount, app: App) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(mount(app)), base_url=f"http://app.test{PREFIX}"
    )


async def finished(world: World, client: httpx.AsyncClient, headers: dict[str, str]) -> str:
    ordered = await client.post(
        "/pictoryapis/v1/aistudio/videos", json={"prompt": "A boat at sea"}, headers=headers
    )
    job = ordered.json()["data"]["jobId"]
    await world.run_until_idle()
    link: str = (await client.get(f"/pictoryapis/v1/jobs/{job}", headers=headers)).json()["data"][
        "url"
    ]
    return link


async def test_links_lead_through_the_mount(mount: Mount) -> None:
    async with World(settings=Settings(clock="frozen")) as world, client_of(mount, world.app) as c:
        link = await finished(world, c, PICTORY)
        assert link.startswith(f"http://app.test{PREFIX}/media/")
        assert (await c.get(link)).content[4:8] == b"ftyp"


async def test_links_of_a_server_lead_through_the_mount_to_the_world(mount: Mount) -> None:
    async with MockServer(Settings(clock="frozen")) as mock, client_of(mount, mock.app) as c:
        link = await finished(mock.world("x"), c, {"Authorization": "pictai_mock_x"})
        assert link.startswith(f"http://app.test{PREFIX}/~x/media/")
        assert (await c.get(link)).content[4:8] == b"ftyp"


async def test_an_own_link_can_be_the_input_of_another_job(mount: Mount) -> None:
    async with World(settings=Settings(clock="frozen")) as world, client_of(mount, world.app) as c:
        headers = USEAPI | {"Content-Type": "image/png"}
        sent = await c.post("/v2/pixverse/files", content=png("teal"), headers=headers)
        link = sent.json()["result"][0]["url"]
        assert link.startswith(f"http://app.test{PREFIX}/media/upload/")
        assert await world.downloads.local(link) == png("teal")
        film = await finished(world, c, PICTORY)
        assert await world.downloads.local(film) == (await c.get(film)).content
        assert await world.downloads.local(film.replace(PREFIX, "/elsewhere")) is None


async def test_an_encoded_id_is_seen_as_it_was_sent(mount: Mount) -> None:
    async with World(settings=Settings(clock="frozen")) as world, client_of(mount, world.app) as c:
        ordered = await c.post(
            "/v2/pixverse/videos/create-v4", json={"prompt": "dawn"}, headers=USEAPI
        )
        video = ordered.json()["video_id"]
        await world.run_until_idle()
        plain = await c.get(f"/v2/pixverse/videos/{video}", headers=USEAPI)
        encoded = await c.get(f"/v2/pixverse/videos/{video.replace(':', '%3A')}", headers=USEAPI)
        assert (plain.status_code, encoded.status_code) == (200, 400)


async def test_the_application_keeps_its_own_pages() -> None:
    async with World() as world:
        transport = httpx.ASGITransport(by_litestar(world.app))
        async with httpx.AsyncClient(transport=transport, base_url="http://app.test") as client:
            assert (await client.get("/")).text == "the application's own"
