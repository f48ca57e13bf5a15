"""A world, a client in it, and virtual time for both."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import httpx

from mockserver import Settings, World
from mockserver.engine.outside import Outside
from mockserver.media.store import MediaStore
from mockserver.testing.loop import run
from tests.sample_client.api import Api, PictoryApi, PixverseApi
from tests.sample_client.client import CAREFUL, Client, FailedError, Habits, RefusedError

HOOK = "http://127.0.0.1:9/hook"
MEDIA = MediaStore()
"""Shared: rendering the same film for each test would be all that the tests do."""

Play = Callable[[Client], Awaitable[Any]]


def api_of(world: World, provider: str) -> Api:
    key = world.key(provider)
    return PictoryApi(key) if provider == "pictory" else PixverseApi(key)


async def one_film(client: Client) -> None:
    with suppress(RefusedError, FailedError):
        await client.film("A lighthouse at dusk")


def played(
    play: Play = one_film,
    habits: Habits = CAREFUL,
    *,
    provider: str = "pictory",
    faults: Sequence[str] = (),
    hooked: bool = False,
    seconds: float = 1000.0,
    **settings: Any,
) -> World:
    """Lets a client play in a world of its own; the world as it is `seconds` after the start."""

    async def main() -> World:
        late: list[Client] = []

        async def receiver(scope: Any, receive: Any, send: Any) -> None:
            await late[0](scope, receive, send)

        outside = Outside(callback_transport=httpx.ASGITransport(app=receiver))
        given = Settings(clock="real", faults=tuple(faults), **settings)
        world = World(settings=given, outside=outside, media=MEDIA)
        transport = httpx.ASGITransport(app=world.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://mock.test") as http:
            hook = HOOK if hooked else None
            jobs = given.max_jobs
            client = Client(http, api_of(world, provider), habits, hook=hook, max_jobs=jobs)
            late.append(client)
            await play(client)
            await asyncio.sleep(max(0.0, seconds - world.clock.now()))
            # Outside of the loop the clock stands where it was last looked at.
            world.clock.now()
        await outside.aclose()
        return world

    return run(main())
