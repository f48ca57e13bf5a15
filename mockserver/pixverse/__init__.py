"""PixVerse API v2 of useapi.net, mocked."""

from mockserver.pixverse.provider import BASE_PATH, EXAMPLE_TOKEN, LIST_LIMIT, Pixverse

__all__ = ["BASE_PATH", "EXAMPLE_TOKEN", "LIST_LIMIT", "Pixverse"]
