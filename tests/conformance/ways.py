"""The ways into the mock, each as a client that awaits."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import respx

from mockserver import MockServer, Settings
from mockserver.testing.serving import serve_in_thread
from mockserver.ways.transport import App, Transport
from mockserver.wire.http import Receive, Scope, Send

HOST = "http://mock.test"
"""What `public_url` says everywhere, so that links are equal."""
PATIENCE = 5.0


class Client:
    """Requests to one world, by its keys; links lead to wherever the mock is."""

    def __init__(self, ask: Callable[..., Any], base: str, world: str) -> None:
        self._ask = ask
        self._base = base
        self.pictory = {"Authorization": f"pictai_mock_{world}"}
        self.useapi = {"Authorization": f"Bearer user:1234-mock_{world}"}

    async def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        # By name, since that is told in the journal.
        options["headers"] = {"User-Agent": "conformance"} | options.get("headers", {})
        response: httpx.Response = await self._ask(method, self._base + path, **options)
        return response

    async def fetch(self, link: str, method: str = "GET", **headers: str) -> httpx.Response:
        return await self(method, urlsplit(link).path, headers=headers)

    async def film(self, prompt: str = "A drone over a forest", **body: Any) -> httpx.Response:
        path = "/pictoryapis/v1/aistudio/videos"
        return await self("POST", path, json={"prompt": prompt, **body}, headers=self.pictory)

    async def film_id(self, prompt: str = "A drone over a forest", **body: Any) -> str:
        job: str = (await self.film(prompt, **body)).json()["data"]["jobId"]
        return job

    async def look(self, job: str) -> Any:
        path = f"/pictoryapis/v1/jobs/{job}"
        return (await self("GET", path, headers=self.pictory)).json()

    async def video(self, prompt: str = "dawn", **body: Any) -> httpx.Response:
        path = "/v2/pixverse/videos/create-v4"
        return await self("POST", path, json={"prompt": prompt, **body}, headers=self.useapi)

    async def useapi_get(self, path: str) -> httpx.Response:
        return await self("GET", f"/v2/pixverse{path}", headers=self.useapi)

    async def upload(self, data: bytes, kind: str = "image/png") -> httpx.Response:
        headers = self.useapi | {"Content-Type": kind}
        return await self("POST", "/v2/pixverse/files", content=data, headers=headers)


Way = Callable[[MockServer], AbstractAsyncContextManager[tuple[Callable[..., Any], str]]]


@asynccontextmanager
async def served(mock: MockServer) -> AsyncIterator[tuple[Callable[..., Any], str]]:
    """Over a real socket."""
    with serve_in_thread(mock) as origin:
        async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
            yield client.request, origin


@asynccontextmanager
async def transport(mock: MockServer) -> AsyncIterator[tuple[Callable[..., Any], str]]:
    async with httpx.AsyncClient(transport=mock.transport(), timeout=PATIENCE) as client:
        yield client.request, HOST


def in_a_thread(client: httpx.Client) -> Callable[..., Any]:
    """A client that does not await, for tests that do."""

    async def ask(*args: Any, **options: Any) -> httpx.Response:
        return await asyncio.to_thread(client.request, *args, **options)

    return ask


@asynccontextmanager
async def sync_transport(mock: MockServer) -> AsyncIterator[tuple[Callable[..., Any], str]]:
    with httpx.Client(transport=mock.transport(), timeout=PATIENCE) as client:
        yield in_a_thread(client), HOST


@asynccontextmanager
async def by_respx(mock: MockServer) -> AsyncIterator[tuple[Callable[..., Any], str]]:
    with respx.mock(assert_all_called=False) as router:
        mock.respx(router)
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            yield client.request, HOST


@asynccontextmanager
async def sync_respx(mock: MockServer) -> AsyncIterator[tuple[Callable[..., Any], str]]:
    with respx.mock(assert_all_called=False) as router:
        mock.respx(router)
        with httpx.Client(timeout=PATIENCE) as client:
            yield in_a_thread(client), HOST


def under(prefix: str, app: App) -> App:
    """An application mounted as Starlette mounts."""

    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["path"].startswith(f"{prefix}/")
        await app(dict(scope, root_path=scope["root_path"] + prefix), receive, send)

    return mounted


@asynccontextmanager
async def mounted(mock: MockServer) -> AsyncIterator[tuple[Callable[..., Any], str]]:
    way = Transport(under("/providers/mock", mock.app))
    async with httpx.AsyncClient(transport=way, timeout=PATIENCE) as client:
        yield client.request, f"{HOST}/providers/mock"


WAYS: dict[str, Way] = {
    "served": served,
    "transport": transport,
    "transport, not awaited": sync_transport,
    "respx": by_respx,
    "respx, not awaited": sync_respx,
    "mounted": mounted,
}


@asynccontextmanager
async def opened(
    way: str,
    *,
    world: str = "x",
    callbacks: httpx.AsyncBaseTransport | None = None,
    **settings: Any,
) -> AsyncIterator[tuple[MockServer, Client]]:
    """A mock whose worlds stand still, and a client of one of them."""
    asked = Settings(**{"clock": "frozen", "public_url": HOST} | settings)
    mock = MockServer(asked, callback_transport=callbacks)
    async with mock, WAYS[way](mock) as (ask, base):
        yield mock, Client(ask, base, world)
