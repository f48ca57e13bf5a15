"""Inputs given by URL: fetched from loopback when the job starts, drawn for any other host."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import msgspec

from mockserver.engine.addresses import may_reach
from mockserver.engine.callbacks import make_client
from mockserver.engine.jobs import Role, Source

FETCH_SECONDS = 10.0
FETCH_BYTES = 64 * 1024 * 1024

Local = Callable[[str], Awaitable[bytes | None]]
"""Answers for URLs that the mock itself serves; None for all others."""

Check = Callable[[Role, bytes], Awaitable[str | None]]
"""Why these bytes cannot serve in that role; None when they can."""


class InputError(Exception):
    """The source cannot be used; the text says why, in words a job may fail with."""


class Inputs:
    """Turns sources into sources with bytes."""

    def __init__(
        self,
        *,
        local: Local,
        check: Check,
        transport: httpx.AsyncBaseTransport | None = None,
        extra_hosts: tuple[str, ...] = (),
    ) -> None:
        self._local = local
        self._check = check
        self._transport = transport
        self._extra_hosts = extra_hosts
        self._client: httpx.AsyncClient | None = None

    async def load(self, source: Source) -> Source:
        """The source with its bytes, or as it is when its host is out of reach by rule.

        Raises:
            InputError: it should be within reach, but is not there or is not what it should be.
        """
        data = source.data
        if data is None:
            data = await self._local(source.url)
        if data is None:
            if not may_reach(source.url, self._extra_hosts):
                return source
            data = await self._fetch(source.url)
        if fault := await self._check(source.role, data):
            raise InputError(f"{source.url} {fault}")
        return msgspec.structs.replace(source, data=data)

    async def _fetch(self, url: str) -> bytes:
        if self._client is None:
            self._client = make_client(self._transport, FETCH_SECONDS)
        body = bytearray()
        try:
            async with (
                asyncio.timeout(FETCH_SECONDS),
                self._client.stream("GET", url) as response,
            ):
                if response.status_code != httpx.codes.OK:
                    raise InputError(f"{url} answered {response.status_code}")
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > FETCH_BYTES:
                        raise InputError(f"{url} is larger than {FETCH_BYTES} bytes")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as cause:
            raise InputError(f"{url} could not be fetched: {type(cause).__name__}") from cause
        return bytes(body)

    async def aclose(self) -> None:
        """Closes the client, if one was needed."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None
