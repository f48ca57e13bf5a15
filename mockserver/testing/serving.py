"""The mock on a socket of this process, for clients of any kind and language."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import uvicorn

from mockserver.serve import Breaking, listen, not_on_purpose, origin_of
from mockserver.ways.portal import portal

if TYPE_CHECKING:
    from mockserver.app import MockServer
    from mockserver.world import World

SHUTDOWN_SECONDS = 1


@contextlib.contextmanager
def serve_in_thread(
    mock: "MockServer | World", *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[str]:
    """Serves a mock from a thread of this process; its origin, such as `http://127.0.0.1:41234`.

    What is served lives in that thread for the time being: its clock can be moved from everywhere,
    by `await world.advance(…)` as by `world.sync.advance(…)`.

    Args:
        mock: a server, with a world for each key, or one world, which answers whatever the key.
        host: the address to listen on.
        port: 0 takes a free one.

    Raises:
        OSError: the port is taken.
    """
    logging.getLogger("uvicorn.error").addFilter(not_on_purpose)
    thread = portal()
    with listen(host, port) as listening:
        server = uvicorn.Server(
            uvicorn.Config(
                Breaking(mock.app),
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        serving = asyncio.run_coroutine_threadsafe(server.serve([listening]), thread.loop)
        settle(mock, thread.loop)
        try:
            yield origin_of(listening)
        finally:
            server.should_exit = True
            serving.result()
            settle(mock, None)


def settle(mock: "MockServer | World", home: asyncio.AbstractEventLoop | None) -> None:
    """Says where a mock lives, and every world that it has."""
    mock.home = home
    for world in getattr(mock, "worlds", {}).values():
        world.home = home
