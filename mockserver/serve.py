"""Serving the mock on a socket, with uvicorn."""

import asyncio
import logging
import re
import signal
import socket
import struct
from collections.abc import Callable

import uvicorn

from mockserver.app import Application, MockServer
from mockserver.control.summary import BASE_PATH
from mockserver.engine.addresses import host_of, is_loopback, may_reach
from mockserver.settings import Settings
from mockserver.wire.http import Receive, ReplyLost, Scope, Send, reply, write

SHUTDOWN_SECONDS = 3
_CONTROL = re.compile(rf"(?:/~[^/]+)?{BASE_PATH}(?:/.*)?")


RESET = struct.pack("ii", 1, 0)
"""For SO_LINGER: closing the socket resets the connection."""


class Breaking:
    """Resets the connection where a reply is lost on purpose before its first byte.

    The server would answer such a request with an error of its own. A reply that has begun it
    breaks off by itself.
    """

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on."""
        try:
            await self._app(scope, receive, send)
        except ReplyLost:
            # uvicorn's `send` is a method of what holds the connection.
            cycle = getattr(send, "__self__", None)
            transport = getattr(cycle, "transport", None)
            if transport is None or getattr(cycle, "response_started", False):
                raise
            transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, RESET
            )
            transport.abort()
            await asyncio.sleep(0.01)


class Local:
    """Keeps the control API from names that lead here without being known to.

    A page of any site can give its own name the address of this machine, and would then be of the
    same origin as the mock.
    """

    def __init__(self, app: Breaking, settings: Settings) -> None:
        self._app = app
        self._extra_hosts = (*settings.extra_hosts, host_of(settings.public_url or ""))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on but that."""
        if scope["type"] == "http" and _CONTROL.fullmatch(scope["path"]):
            host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
            if not may_reach(f"http://{host}", self._extra_hosts):
                text = f"Host {host!r} is not known; `extra_hosts` can name it"
                await write(reply({"error": text}, 403), receive, send, asyncio.sleep)
                return
        await self._app(scope, receive, send)


class Server(uvicorn.Server):
    """uvicorn, which at its end does not wait for those who look on."""

    def __init__(self, config: uvicorn.Config, mock: MockServer) -> None:
        super().__init__(config)
        self._mock = mock

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends the streams, then everything."""
        self._mock.hang_up()
        await super().shutdown(sockets)


def not_on_purpose(record: logging.LogRecord) -> bool:
    """Whether a log record is about anything but a reply lost on purpose."""
    return record.exc_info is None or not isinstance(record.exc_info[1], ReplyLost)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=512)
    # Connections take it over; asyncio sets it only where the socket's protocol is spelled out,
    # and without it the second part of each reply waits 40 ms for the client's acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def origin_of(listening: socket.socket) -> str:
    """The URL the socket answers on."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(mock: MockServer, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serves until SIGINT or SIGTERM, then returns."""
    logging.getLogger("uvicorn.error").addFilter(not_on_purpose)
    breaking = Breaking(mock.app)
    # Elsewhere the token is what protects it, and nobody knows by which names it is called.
    guarded = is_loopback(listening.getsockname()[0])
    app = Local(breaking, mock.settings) if guarded else breaking
    server = Server(
        uvicorn.Config(
            app,
            # Its other parser leaves the bodies of clients unread that offer HTTP/2, as Java's do.
            http="h11",
            lifespan="on",
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        ),
        mock,
    )

    # uvicorn puts its own handlers in place while it runs and raises the signal again afterwards;
    # these serve before it starts and make that second signal harmless.
    def stop(*_: object) -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    ready()
    server.run(sockets=[listening])
