"""The HTTP server: uvicorn, with the time limits that it does not have of its own."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS: Final = 20.0
KEEP_ALIVE_SECONDS: Final = 30
DRAIN_SECONDS: Final = 20
MAX_HEAD: Final = 32 * 1024
"""Bytes of a request's head, headers included."""


class PunctualProtocol(H11Protocol):
    """Closes connections that do not get to the end of a request's head.

    uvicorn times idle connections after their first request only; one that sends nothing,
    half a head, or drop by drop a body that has been answered already, would stay for ever.
    """

    head_seconds: float = HEAD_SECONDS
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock for the first head."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Stop the clock when a head is whole; start it when a next one has begun."""
        super().data_received(data)
        if not self._waits():
            self._stop_clock()
        elif self._late is None:
            self._expect_head()

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
        answered = self.cycle is not None and self.cycle.response_complete
        return self.conn.their_state is h11.IDLE or answered


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
            h11_max_incomplete_event_size=MAX_HEAD,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        ),
        started,
    )
