"""Rendered media, made at first download, off the event loop, and kept by content."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from mockserver.media import render
from mockserver.media.clip import Clip

KEPT_BYTES = 256 * 1024 * 1024

FILM = "mp4"


class MediaStore:
    """Bytes by clip and kind; the longest unused go first when it grows too large."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._bytes = 0
        self._made: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._making: dict[tuple[str, str], asyncio.Task[bytes]] = {}
        self.renders = 0
        """How many things were really made."""

    async def film(self, clip: Clip) -> bytes:
        """The MP4 of a clip."""
        return await self._once((clip.key, FILM), lambda: render.film(clip))

    async def still(self, clip: Clip, kind: str) -> bytes:
        """A picture of a clip, by a key of `render.STILLS`."""
        mp4 = await self.film(clip)
        _, make = render.STILLS[kind]
        return await self._once((clip.key, kind), lambda: make(clip, mp4))

    async def _once(self, key: tuple[str, str], make: Callable[[], bytes]) -> bytes:
        if key in self._made:
            self._made.move_to_end(key)
            return self._made[key]
        task = self._making.get(key)
        if task is None or task.get_loop() is not asyncio.get_running_loop():
            task = asyncio.create_task(self._make(key, make))
            self._making[key] = task
        # Shielded: a client that hangs up must not spoil the film for the others.
        return await asyncio.shield(task)

    async def _make(self, key: tuple[str, str], make: Callable[[], bytes]) -> bytes:
        try:
            data = await asyncio.to_thread(make)
        finally:
            self._making.pop(key, None)
        self.renders += 1
        self._bytes += len(data) - len(self._made.get(key, b""))
        self._made[key] = data
        while len(self._made) > 1 and self._bytes > self._kept_bytes:
            _, forgotten = self._made.popitem(last=False)
            self._bytes -= len(forgotten)
        return data
