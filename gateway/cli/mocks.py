"""Mock providers for the command line, and the settings that lead to them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from providers.contract import Secret

EMAIL: Final = "ops@example.com"
ROUTE: Final = ("useapi-pixverse/v3.5", "pictory/pixverse5.5", "useapi-pixverse/v4")


@contextmanager
def mock_providers(speed: float) -> Iterator[str]:
    """Serve both mock providers from a thread of this process; their origin."""
    import uvicorn  # noqa: PLC0415

    from mockserver import MockServer, Settings  # noqa: PLC0415
    from mockserver.serve import listen, origin_of  # noqa: PLC0415

    mock = MockServer(Settings(clock="scaled", speed=speed))
    with listen("127.0.0.1", 0) as sock:
        server = uvicorn.Server(
            uvicorn.Config(
                mock.app,
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        # Outside the main thread uvicorn leaves the signals alone.
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
        thread.start()
        try:
            yield origin_of(sock)
        finally:
            server.should_exit = True
            thread.join(10)


def mock_accounts(origin: str) -> dict[str, Any]:
    """Settings with one account at each mock provider, in the shape of the TOML file."""
    from mockserver import pictory, pixverse  # noqa: PLC0415

    return {
        "accounts": [
            {
                "name": "mock-pixverse",
                "provider": "useapi-pixverse",
                "api_key": Secret(pixverse.EXAMPLE_TOKEN),
                "email": EMAIL,
                "base_url": f"{origin}{pixverse.BASE_PATH}",
            },
            {
                "name": "mock-pictory",
                "provider": "pictory",
                "api_key": Secret(pictory.EXAMPLE_KEY),
                "base_url": f"{origin}{pictory.BASE_PATH}",
            },
        ],
        "routes": {"default": list(ROUTE)},
        "network": {"allow_private": ["127.0.0.0/8"]},
    }
