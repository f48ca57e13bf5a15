"""Pictures and videos on disk, each under the SHA-256 of its bytes.

A file appears under its name only when it is whole and on the disk, so a name that exists
is a file that is good. All of this blocks: call it from a thread.
"""

import os
import tempfile
from pathlib import Path

from gateway.model.ids import digest as digest_of


class MediaStore:
    """A folder of files named by digest.

    Args:
        folder: Where they live; made where it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "incoming").mkdir(parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Where the file of this digest is, or would be."""
        return self.folder / digest[:2] / digest

    def incoming(self) -> Path:
        """A fresh name to write a file to that is not whole yet."""
        handle, name = tempfile.mkstemp(dir=self.folder / "incoming")
        os.close(handle)
        return Path(name)

    def adopt(self, incoming: Path, digest: str) -> Path:
        """Give a whole, synced file its name. A file that is there already is the same one."""
        path = self.path(digest)
        path.parent.mkdir(exist_ok=True)
        incoming.replace(path)
        _sync_folder(path.parent)
        return path

    def save(self, content: bytes) -> str:
        """Keep these bytes; their digest. Saving the same bytes again costs nothing."""
        digest = digest_of(content)
        if not self.path(digest).exists():
            incoming = self.incoming()
            try:
                with incoming.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                self.adopt(incoming, digest)
            finally:
                incoming.unlink(missing_ok=True)
        return digest

    def sweep(self) -> None:
        """Remove what a crash left half written. For start-up, before anything is saved."""
        for leftover in (self.folder / "incoming").iterdir():
            leftover.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Without this a power loss can take the new name although the file's bytes are safe."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
