"""A sender of webhooks as Standard Webhooks wants it, with a hand on each part."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
from standardwebhooks import Webhook

from mockserver import Settings, World
from mockserver.inbox import Inbox

ORIGIN = "http://mock.test"


def event(
    video: str = "video_1",
    kind: str = "video.completed",
    timestamp: str = "2026-01-01T00:00:00.000Z",
    **more: object,
) -> dict[str, Any]:
    return {"type": kind, "timestamp": timestamp, "data": {"id": video}, **more}


class Sender:
    """Posts to a world's inbox."""

    def __init__(self, world: World, http: httpx.AsyncClient, name: str = "main") -> None:
        self.world, self.http, self.inbox = world, http, Inbox(world, name)

    async def post(
        self,
        body: Any = None,
        webhook_id: str = "msg_1",
        *,
        off: float = 0,
        secret: str | None = None,
        without: str = "",
    ) -> httpx.Response:
        """One try.

        Args:
            body: the event; bytes are sent as they are.
            webhook_id: its id.
            off: how many seconds the time stamp is ahead of the world's clock.
            secret: what it is signed with, if not the inbox's.
            without: a header that is left out.
        """
        content = body if isinstance(body, bytes) else json.dumps(body or event()).encode()
        at = self.world.clock.utc(self.world.clock.now()) + timedelta(seconds=off)
        signature = Webhook(secret or self.inbox.secret).sign(
            webhook_id, at, content.decode("latin-1")
        )
        headers = {
            "content-type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature,
            "authorization": "Bearer secret",
        }
        headers.pop(without, None)
        return await self.http.post(self.inbox.url(ORIGIN), content=content, headers=headers)


@asynccontextmanager
async def sending(**settings: Any) -> AsyncIterator[Sender]:
    """A world by hand, and a sender to its inbox."""
    world = World(settings=Settings(clock="frozen", **settings))
    transport = httpx.ASGITransport(app=world.app)
    async with world, httpx.AsyncClient(transport=transport) as http:
        yield Sender(world, http)
