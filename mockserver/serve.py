"""Serving the mock on a socket, with uvicorn."""

import logging
import signal
import socket
from collections.abc import Callable

import uvicorn

from mockserver.app import MockServer
from mockserver.http import ReplyLost

SHUTDOWN_SECONDS = 3


def not_on_purpose(record: logging.LogRecord) -> bool:
    """Whether a log record is about anything but a reply lost on purpose."""
    return record.exc_info is None or not isinstance(record.exc_info[1], ReplyLost)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=512)


def origin_of(listening: socket.socket) -> str:
    """The URL the socket answers on."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(mock: MockServer, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serves until SIGINT or SIGTERM, then returns."""
    logging.getLogger("uvicorn.error").addFilter(not_on_purpose)
    server = uvicorn.Server(
        uvicorn.Config(
            mock.app,
            lifespan="on",
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
    )

    # uvicorn puts its own handlers in place while it runs and raises the signal again afterwards;
    # these serve before it starts and make that second signal harmless.
    def stop(*_: object) -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    ready()
    server.run(sockets=[listening])
