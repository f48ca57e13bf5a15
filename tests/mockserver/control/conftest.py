from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest

from mockserver import MockServer, Settings, World

PICTORY = {"authorization": "pictai_mock"}
HOOK = "http://127.0.0.1:9/hook"


class Hand:
    """A client of the control API and of Pictory, in one world of a server."""

    def __init__(self, server: MockServer, http: httpx.AsyncClient) -> None:
        self.server = server
        self.http = http

    @property
    def world(self) -> World:
        return self.server.world()

    async def get(self, path: str, **more: Any) -> Any:
        response = await self.http.get(f"/__mock{path}", **more)
        assert response.status_code == 200, response.text
        return response.json()

    async def post(self, path: str, body: object = None, status: int = 200) -> Any:
        response = await self.http.post(f"/__mock{path}", json=body)
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    async def submit(self, prompt: str = "The harbour at dusk", **body: Any) -> str:
        response = await self.http.post(
            "/pictoryapis/v1/aistudio/videos", json={"prompt": prompt, **body}, headers=PICTORY
        )
        job: str = response.json()["data"]["jobId"]
        return job


Open = Callable[..., AbstractAsyncContextManager[Hand]]


@pytest.fixture
def opened() -> Open:
    """Opens a mock server whose callbacks are all answered by 200."""

    @asynccontextmanager
    async def open_(settings: Settings | None = None) -> AsyncIterator[Hand]:
        server = MockServer(
            settings or Settings(clock="frozen"),
            callback_transport=httpx.MockTransport(lambda _: httpx.Response(200)),
        )
        transport = httpx.ASGITransport(app=server.app)
        async with server, httpx.AsyncClient(transport=transport, base_url="http://mock.test") as c:
            yield Hand(server, c)

    return open_
