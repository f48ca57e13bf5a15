"""Mock providers for the command line, and the settings that lead to them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from providers.contract import Secret

EMAIL: Final = "ops@example.com"
ROUTE: Final = ("useapi-pixverse/v3.5", "pictory/pixverse5.5", "useapi-pixverse/v4")


@contextmanager
def mock_providers(speed: float) -> Iterator[str]:
    """Serve both mock providers from a thread of this process; their origin."""
    from mockserver import MockServer, Settings  # noqa: PLC0415
    from mockserver.testing.serving import serve_in_thread  # noqa: PLC0415

    with serve_in_thread(MockServer(Settings(clock="scaled", speed=speed))) as origin:
        yield origin


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
