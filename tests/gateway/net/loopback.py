"""Small servers on real sockets, that misbehave in ways no fake transport can."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from typing import TypeAlias

import httpx

from providers.contract import Flow, HttpRequest, HttpResponse

Talk: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Loopback:
    """A running server: where it is, and what it has seen."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.requests: list[bytes] = []

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@asynccontextmanager
async def loopback(talk: Talk) -> AsyncIterator[Loopback]:
    """Call `talk` for each request head read, until it or the client closes."""
    seen = Loopback()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            while not writer.is_closing():
                seen.requests.append(await reader.readuntil(b"\r\n\r\n"))
                await talk(reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def says(answer: bytes, *, then_close: bool = False, then_reset: bool = False) -> Talk:
    """Write `answer`, and leave the connection open, close it, or reset it."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        if then_close:
            writer.close()
        if then_reset:
            writer.transport.abort()

    return talk


def ok(body: bytes = b"{}", *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def plain_client() -> httpx.AsyncClient:
    """A client without certificates, which take long to load: loopback needs none."""
    return httpx.AsyncClient(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), trust_env=False)


class Watched:
    """A flow that sends these requests and returns the answers, and tells if it was closed."""

    def __init__(self, *requests: HttpRequest | str) -> None:
        self.closed = False
        self.flow: Flow[list[HttpResponse]] = self._run(
            [
                r if isinstance(r, HttpRequest) else HttpRequest(method="GET", url=r)
                for r in requests
            ]
        )

    def _run(
        self, requests: list[HttpRequest]
    ) -> Generator[HttpRequest, HttpResponse, list[HttpResponse]]:
        try:
            answers = []
            for request in requests:
                answer = yield request
                answers.append(answer)
            return answers
        finally:
            self.closed = True
