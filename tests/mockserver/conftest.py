from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from mockserver import MockServer, Settings
from tests.mockserver.drivers import Client, Open


@pytest.fixture
def opened() -> Open:
    """Opens a mock server with the given settings and a client that speaks to it in process."""

    @asynccontextmanager
    async def open_(
        settings: Settings | None = None,
        *,
        callbacks: httpx.AsyncBaseTransport | None = None,
        inputs: httpx.AsyncBaseTransport | None = None,
    ) -> AsyncIterator[tuple[MockServer, Client]]:
        mock = MockServer(
            settings or Settings(clock="manual"),
            callback_transport=callbacks,
            input_transport=inputs,
        )
        transport = httpx.ASGITransport(app=mock.app)
        async with (
            mock,
            httpx.AsyncClient(transport=transport, base_url="http://mock.test") as http,
        ):
            yield mock, Client(http)

    return open_
