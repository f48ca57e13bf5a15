"""Inputs given by URL: fetched from loopback when the job starts, drawn for any other host."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import msgspec

from mockserver.engine.jobs import Role, Source
from mockserver.engine.outside import FETCH_SECONDS, Outside

FETCH_BYTES = 64 * 1024 * 1024

Local = Callable[[str], Awaitable[bytes | None]]
"""Answers for URLs that the mock itself serves; None for all others."""

Check = Callable[[Role, bytes], Awaitable[str | None]]
"""Why these bytes cannot serve in that role; None when they can."""


class InputError(Exception):
    """The source cannot be used; the text says why, in words a job may fail with."""


class Fetched(msgspec.Struct, frozen=True):
    """What became of a source."""

    data: bytes | None = None
    """None where it had its bytes, or its host is out of reach by rule."""
    fault: str = ""
    """Why it cannot be used."""


class Inputs:
    """Turns sources into sources with bytes."""

    def __init__(self, *, local: Local, check: Check, outside: Outside) -> None:
        self._local = local
        self._check = check
        self._outside = outside

    async def load(self, source: Source) -> Source:
        """The source with its bytes, or as it is when its host is out of reach by rule.

        Raises:
            InputError: it should be within reach, but is not there or is not what it should be.
        """
        data = source.data
        if data is None:
            data = await self._local(source.url)
        if data is None:
            if not self._outside.may_reach(source.url):
                return source
            data = await self._fetch(source.url)
        if fault := await self._check(source.role, data):
            raise InputError(f"{source.url} {fault}")
        return msgspec.structs.replace(source, data=data)

    async def fetched(self, source: Source) -> Fetched:
        """What comes of loading the source."""
        try:
            loaded = await self.load(source)
        except InputError as fault:
            return Fetched(fault=str(fault))
        return Fetched(data=loaded.data if source.data is None else None)

    async def _fetch(self, url: str) -> bytes:
        body = bytearray()
        try:
            async with (
                asyncio.timeout(FETCH_SECONDS),
                self._outside.inputs.stream("GET", url) as response,
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
