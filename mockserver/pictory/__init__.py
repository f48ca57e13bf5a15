"""Pictory AI Studio, mocked."""

from mockserver.pictory.provider import (
    BASE_PATH,
    EXAMPLE_KEY,
    FILMS_PAGE_SIZE,
    KEY_PREFIX,
    PAGE_SIZE,
    Pictory,
)

__all__ = ["BASE_PATH", "EXAMPLE_KEY", "FILMS_PAGE_SIZE", "KEY_PREFIX", "PAGE_SIZE", "Pictory"]
