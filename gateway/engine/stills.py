"""The first and last pictures of films that are kept: cut once, and kept beside the film."""

import asyncio
from pathlib import Path

from gateway import frames
from gateway.engine.tools import Tools
from gateway.frames import NoStill
from gateway.model.inputs import Which

NOT_INSTALLED = "cutting pictures from films needs PyAV: install filmgate[frames]"


async def still(tools: Tools, digest: str, which: Which) -> Path:
    """A PNG of the first or last picture of a kept film.

    Raises:
        NoStill: It cannot be had; the message says why.
        OSError: It cannot be kept.
    """
    path = tools.media.still(digest, which)
    if await asyncio.to_thread(path.exists):
        return path
    return await tools.cutting.ask((digest, which), lambda: _cut(tools, digest, which))


async def _cut(tools: Tools, digest: str, which: Which) -> Path:
    if not frames.available():
        raise NoStill(NOT_INSTALLED)
    async with tools.children:
        film = tools.media.path(digest)
        if not await asyncio.to_thread(film.exists):
            raise NoStill("the film is not there any more")
        incoming = await asyncio.to_thread(tools.media.incoming)
        try:
            await frames.cut(film, which, incoming)
            return await asyncio.to_thread(tools.media.adopt_still, incoming, digest, which)
        except FileNotFoundError:
            raise NoStill("the film is not there any more") from None
        finally:
            await asyncio.to_thread(incoming.unlink, missing_ok=True)
