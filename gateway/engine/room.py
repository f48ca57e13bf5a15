"""How much of the disk is left, asked no more than once a second."""

import asyncio
import shutil
import time
from pathlib import Path
from typing import Final

FRESH: Final = 1.0
"""Seconds that an answer holds: what is promised meanwhile takes kilobytes."""


class Room:
    """The disk that the media are on."""

    def __init__(self) -> None:
        self._free = 0
        self._asked_at = float("-inf")

    async def free(self, folder: Path) -> int:
        """Bytes that are left where `folder` is.

        Raises:
            OSError: It cannot be reached.
        """
        now = time.monotonic()
        if now - self._asked_at >= FRESH:
            # In a thread: a folder on another machine may take its time.
            self._free = (await asyncio.to_thread(shutil.disk_usage, folder)).free
            self._asked_at = now
        return self._free
