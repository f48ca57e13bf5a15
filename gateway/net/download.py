"""Fetches a file to disk, in constant memory."""

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx
import msgspec

from gateway.net.errors import DownloadFailed, NoAnswer, NotSent
from gateway.net.exchange import exchange, host_of, is_encoded
from gateway.net.spool import Spool

PIECE: Final = 1024 * 1024
"""Bytes collected before a thread is asked to write them."""

# A fresh link may be unknown for a moment to the edge it leads to, hence 404.
_PASSING: Final = frozenset(
    {
        HTTPStatus.NOT_FOUND,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)


class Download(msgspec.Struct, frozen=True, kw_only=True):
    """A file that arrived whole.

    Attributes:
        path: Where it is.
        size: In bytes.
        digest: SHA-256, in hexadecimal.
        content_type: What the server claims; None if it claims nothing.
    """

    path: Path
    size: int
    digest: str
    content_type: str | None


async def download(
    client: httpx.AsyncClient, url: str, into: Path, *, max_bytes: int, deadline: float
) -> Download:
    """Fetch `url` into the file `into`, which is replaced if it exists.

    The file appears there when it is complete and synced to disk; until then, and after
    any failure, nothing has changed there. `deadline` is in seconds and for all that comes
    from the network.

    Raises:
        DownloadFailed: It did not arrive whole, is too large, or cannot be written.
    """
    spool = Spool(into)
    try:
        size, content_type = await _receive(client, url, spool, max_bytes, deadline)
        digest = await asyncio.to_thread(spool.commit)
    except NotSent as error:
        raise DownloadFailed(str(error), retry=error.retry, ours=error.ours) from None
    except NoAnswer as error:
        raise DownloadFailed(str(error), retry=True) from None
    finally:
        # Shielded: a second cancellation must not leave the part behind.
        tidy = asyncio.get_running_loop().run_in_executor(None, spool.discard)
        await asyncio.shield(tidy)
    return Download(path=into, size=size, digest=digest, content_type=content_type)


async def _receive(
    client: httpx.AsyncClient, url: str, spool: Spool, max_bytes: int, deadline: float
) -> tuple[int, str | None]:
    host = host_of(url)
    size = 0
    async with exchange(client, "GET", url, deadline=deadline) as response:
        announced = _announced(response, host, max_bytes)
        waiting = bytearray()
        async for piece in response.aiter_raw():
            size += len(piece)
            if size > max_bytes:
                raise _too_large(host, max_bytes)
            waiting += piece
            if len(waiting) >= PIECE:
                await asyncio.to_thread(spool.write, bytes(waiting))
                waiting.clear()
        if announced is not None and size != announced:
            raise DownloadFailed(f"{host}: {size} bytes came instead of {announced}", retry=True)
        await asyncio.to_thread(spool.write, bytes(waiting))
        return size, response.headers.get("content-type")


def _announced(response: httpx.Response, host: str, max_bytes: int) -> int | None:
    """The length the answer's head tells, after a look at the rest of it."""
    status = response.status_code
    if status != HTTPStatus.OK:
        if response.is_redirect:
            raise DownloadFailed(
                f"{host}: status {status}, a redirect; none is followed", retry=False
            )
        passing = status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        raise DownloadFailed(f"{host}: status {status}", retry=passing)
    if is_encoded(response):
        raise DownloadFailed(f"{host}: the file came compressed, unasked", retry=False)
    text = response.headers.get("content-length", "")
    announced = int(text) if text.isdecimal() else None
    if announced is not None and announced > max_bytes:
        raise _too_large(host, max_bytes)
    return announced


def _too_large(host: str, max_bytes: int) -> DownloadFailed:
    return DownloadFailed(f"{host}: the file is larger than {max_bytes} bytes", retry=False)
