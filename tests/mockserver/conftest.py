from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest

from mockserver import Settings, World
from tests.mockserver.contract import check
from tests.mockserver.drivers import Client, Open


async def check_provider(mock: World, response: httpx.Response) -> None:
    if response.request.url.path.startswith(("/pictoryapis/", "/v2/pixverse/")):
        await check(mock, response)


@pytest.fixture
def opened() -> Open:
    """Opens a mock server with the given settings and a client that speaks to it in process.

    Every answer that the client gets is held against the provider's OpenAPI document.
    """

    @asynccontextmanager
    async def open_(
        settings: Settings | None = None,
        *,
        callbacks: httpx.AsyncBaseTransport | None = None,
        inputs: httpx.AsyncBaseTransport | None = None,
    ) -> AsyncIterator[tuple[World, Client]]:
        mock = World(
            settings=settings or Settings(clock="frozen"),
            callback_transport=callbacks,
            input_transport=inputs,
        )
        transport = httpx.ASGITransport(app=mock.app)
        async with (
            mock,
            httpx.AsyncClient(
                transport=transport,
                base_url="http://mock.test",
                event_hooks={"response": [partial(check_provider, mock)]},
            ) as http,
        ):
            yield mock, Client(http)

    return open_
