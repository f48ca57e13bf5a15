"""Pictory AI Studio, mocked."""

from mockserver.pictory.provider import BASE_PATH, EXAMPLE_KEY, KEY_PREFIX, PAGE_SIZE, Pictory

__all__ = ["BASE_PATH", "EXAMPLE_KEY", "KEY_PREFIX", "PAGE_SIZE", "Pictory"]
