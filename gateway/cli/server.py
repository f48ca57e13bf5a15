"""The HTTP server: uvicorn, with the time limits that it does not have of its own."""

import asyncio
import re
import socket
from collections.abc import Callable
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.cli.gathering import Gathering

HEAD_SECONDS: Final = 20.0
KEEP_ALIVE_SECONDS: Final = 30
DRAIN_SECONDS: Final = 20
MAX_HEAD: Final = 32 * 1024
"""Bytes of a request's head, headers included."""

_OFFER: Final = re.compile(rb"\r\nupgrade:[^\r\n]*(?=\r\n)", re.IGNORECASE)
_BODY: Final = frozenset((b"content-length", b"transfer-encoding"))
"""Headers that announce a body."""


class PunctualProtocol(HttpToolsProtocol):
    """Closes connections that do not get to the end of a request's head; refuses bad heads.

    uvicorn times idle connections after their first request only; one that sends nothing,
    half a head, or drop by drop a body that has been answered already, would stay for ever.
    Nor does its reading with httptools limit what stands before, between and behind the bytes
    of a body, or miss the name of a host (RFC 9112, sections 3.2 and 5); it takes trailers for
    headers, and leaves the body unread of who offers to speak another protocol.
    """

    head_seconds: float = HEAD_SECONDS
    _late: asyncio.TimerHandle | None = None
    _in_head: bool = True
    _unread: int = 0
    """Bytes since the last head or body was whole, or the last piece of a body came."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock for the first head."""
        super().connection_made(Gathering(transport, self.loop))
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Stop the clock when a head is whole; start it when a next one has begun."""
        self._unread += len(data)
        if self._in_head and (b"pgrade" in data or b"PGRADE" in data):
            data = _without_offer(data)
        super().data_received(data)
        if not self._waits():
            self._stop_clock()
        elif self._late is None:
            self._expect_head()
        if self._unread > MAX_HEAD and not self.transport.is_closing():
            self.send_400_response(f"The head of a request has at most {MAX_HEAD} bytes.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; a trailer is none (RFC 9110, section 6.5), and nobody here wants it."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Refuse what no application should see; the parser makes a 400 of the error.

        Raises:
            ValueError: The head is too large, names no host or several, or has a body that
                the parser would leave unread.
        """
        self._in_head = False
        self._unread = 0
        size, hosts, body = len(self.url), 0, False
        for name, value in self.headers:
            size += len(name) + len(value) + 4
            hosts += name == b"host"
            body |= name in _BODY and value != b"0"
        if size > MAX_HEAD:
            raise ValueError("a head without end")
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            raise ValueError("not one host")
        offers = self.parser.should_upgrade()
        if offers and body:
            raise ValueError("an offer that could not be taken out")
        super().on_headers_complete()
        # What comes next on this connection may be the body that was announced, or another
        # request, depending on when the client heard of the answer.
        if self.expect_100_continue or offers:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A piece of a body is not part of a head."""
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A next head may begin."""
        self._in_head = True
        self._unread = 0
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._late = self.loop.call_later(self.head_seconds, self._give_up)

    def _stop_clock(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        self._late = None
        if not self.transport.is_closing() and self._waits():
            self.transport.close()

    def _waits(self) -> bool:
        """Nothing is being done for this client: a head is missing, or an answered body drips."""
        return self.cycle is None or self.cycle.response_complete


def _without_offer(data: bytes) -> bytes:
    """The first head in `data` without its offer to speak another protocol, if it is whole.

    Some clients offer HTTP/2 with whatever they send; nobody has to take it (RFC 9110, 7.8).
    """
    head, end, rest = data.partition(b"\r\n\r\n")
    return _OFFER.sub(b"", head + end[:2]) + end[2:] + rest


class Server(uvicorn.Server):
    """A server that tells when it really takes requests."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell; a start that failed tells nothing."""
        await super().startup(sockets)
        if self.started:
            self._tell()


def make_server(app: Any, started: Callable[[], None] = lambda: None) -> Server:
    """A server for an ASGI application; logging stays as it is set up."""
    return Server(
        uvicorn.Config(
            app,
            http=PunctualProtocol,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        ),
        started,
    )
