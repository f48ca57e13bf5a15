"""What tests of takeovers share: senders that halt, and replicas that are silent."""

import asyncio
from typing import Final

import httpx

from gateway.storage import replicas
from tests.rig import Rig, is_submit

LEASE: Final = 15
"""Seconds after which whoever is silent counts as gone."""


class Halted:
    """A submission that hangs where a test says: the provider has it, its sender does not go on."""

    def __init__(self, stage: Rig) -> None:
        self._stage = stage
        self.there, self.go_on = asyncio.Event(), asyncio.Event()
        self.turn: asyncio.Task[int] | None = None
        stage.provider_wire.spoil = self._spoil

    async def _spoil(self, request: httpx.Request) -> None:
        if is_submit(request) and not self.there.is_set():
            self.there.set()
            await self.go_on.wait()

    async def begin(self) -> None:
        """Go until the provider has the request."""
        self.turn = asyncio.create_task(self._stage.engine.turn())
        await self.there.wait()

    async def wake(self) -> None:
        """Let the sender go on, to its end."""
        assert self.turn is not None
        self.go_on.set()
        await self.turn


async def taken_over(first: Rig, second: Rig) -> None:
    """The first replica is silent for longer than a lease, and the second one notices."""
    await first.mock.advance(LEASE + 1)
    # It was about all that time itself.
    await seen(second)
    await second.engine.beat()


async def seen(stage: Rig) -> None:
    """Have it been seen a moment ago."""
    await stage.tools.database.write(
        lambda connection: replicas.beat(connection, stage.tools.replica, "here", stage.now())
    )
