"""A file that comes into being whole or not at all."""

import hashlib
import os
from pathlib import Path
from threading import Lock
from typing import BinaryIO
from uuid import uuid4

from gateway.net.errors import DownloadFailed


class Spool:
    """Collects bytes beside `into` and moves them there when all have come.

    All methods but the constructor block, and are meant for threads. A thread cannot be
    cancelled: one that is late finds the spool discarded and does nothing.

    Args:
        into: The file to make. Its directory must exist.
    """

    def __init__(self, into: Path) -> None:
        self._into = into
        self._part = into.with_name(f".{into.name}.{uuid4().hex}.part")
        self._file: BinaryIO | None = None
        self._done = False
        self._digest = hashlib.sha256()
        self._lock = Lock()

    def write(self, piece: bytes) -> None:
        """Append; the first call makes the file.

        Raises:
            DownloadFailed: The disk does not take it.
        """
        with self._lock:
            if self._done:
                return
            try:
                if self._file is None:
                    # Unbuffered: the bytes come in large pieces already.
                    self._file = self._part.open("xb", buffering=0)
                left = memoryview(piece)
                while left:
                    left = left[self._file.write(left) :]
            except OSError as error:
                raise _cannot_write(error) from None
            self._digest.update(piece)

    def commit(self) -> str:
        """Make it durable under its name; the SHA-256 digest in hexadecimal comes back.

        Raises:
            DownloadFailed: The disk does not take it.
        """
        with self._lock:
            if self._file is not None and not self._done:
                try:
                    os.fsync(self._file.fileno())
                    self._file.close()
                    self._part.replace(self._into)
                    _sync_directory(self._into.parent)
                except OSError as error:
                    raise _cannot_write(error) from None
            return self._digest.hexdigest()

    def discard(self) -> None:
        """Leave nothing unfinished behind. After `commit` there is nothing to do."""
        with self._lock:
            self._done = True
            if self._file is not None:
                self._file.close()
                self._part.unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    """Without this a power cut may forget the new name."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _cannot_write(error: OSError) -> DownloadFailed:
    words = f"cannot write the file: {error.strerror or error}"
    return DownloadFailed(words, retry=True, ours=True)
