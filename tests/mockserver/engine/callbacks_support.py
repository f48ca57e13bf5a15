"""Worlds in which jobs are told about, for both providers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import httpx

from mockserver import Settings, World
from mockserver.settings import ClockKind
from tests.mockserver.drivers import Client, Receiver

HOOK = "http://127.0.0.1:9/hook"
Name = Literal["pictory", "pixverse"]
PROVIDERS: tuple[Name, ...] = ("pictory", "pixverse")
END = 50
"""When a job ends, in virtual seconds."""
LIFE: dict[Name, list[tuple[str, str, int]]] = {
    "pictory": [("", "completed", END)],
    "pixverse": [("", "running", 5), ("", "running", 27), ("", "completed", END)],
}
"""The callbacks of a job, if all is well: what is odd, the phase told of, and when (cut off)."""


@asynccontextmanager
async def opened(
    receiver: Receiver | httpx.MockTransport | None = None,
    *faults: str,
    clock: ClockKind = "frozen",
    **settings: Any,
) -> AsyncIterator[tuple[World, Client]]:
    transport = receiver.transport if isinstance(receiver, Receiver) else receiver
    world = World(
        settings=Settings(clock=clock, faults=faults, **settings),
        callback_transport=transport or Receiver().transport,
    )
    async with (
        world,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=world.app), base_url="http://mock.test"
        ) as http,
    ):
        yield world, Client(http)


async def order(client: Client, name: Name, prompt: str = "A drone over a forest") -> str:
    if name == "pictory":
        return await client.pictory_id(prompt, webhook=HOOK)
    return str((await client.text_video(prompt, replyUrl=HOOK)).json()["video_id"])


def told(body: Any) -> tuple[str, str]:
    """The job, and the provider's word for where it stands."""
    if "job_id" in body:
        return body["job_id"], body["data"]["status"]
    return body["video_id"], body["video_status_name"]


def seen(world: World) -> list[tuple[str, str, int]]:
    return [(one.how, one.phase, int(one.at)) for one in world.journal.deliveries]
