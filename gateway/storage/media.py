"""Pictures and videos on disk, each under the SHA-256 of its bytes.

A file appears under its name only when it is whole and on the disk, so a name that exists
is a file that is good. What nobody needs is dropped; whoever is about to need a file *pins*
it until the row that says so is committed. All of this blocks: call it from a thread.
"""

import math
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Final, Self

from gateway.model.ids import digest as digest_of

STILLS: Final = ("first", "last")


class MediaStore:
    """A folder of files named by digest.

    Args:
        folder: Where they live; made where it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "incoming").mkdir(parents=True, exist_ok=True)
        self._lock = RLock()
        self._pinned: Counter[str] = Counter()
        self._named: set[str] = set()

    def path(self, digest: str) -> Path:
        """Where the file of this digest is, or would be."""
        return self.folder / digest[:2] / digest

    def has(self, digest: str) -> bool:
        """Whether the file of this digest is there.

        Raises:
            OSError: Nobody can tell, for the folder itself cannot be reached.
        """
        if self.path(digest).exists():
            return True
        (self.folder / "incoming").stat()
        return False

    def still(self, digest: str, which: str) -> Path:
        """Where the first or last picture of this film is, or would be."""
        return self.folder / digest[:2] / f"{digest}.{which}.png"

    def incoming(self) -> Path:
        """A fresh name to write a file to that is not whole yet."""
        handle, name = tempfile.mkstemp(dir=self.folder / "incoming")
        os.close(handle)
        return Path(name)

    def pins(self, afterwards: Callable[[Callable[[], None]], None] | None = None) -> "Pins":
        """A way to keep files that nothing needs yet; see `Pins`."""
        return Pins(self, afterwards or (lambda run: run()))

    def adopt(self, incoming: Path, digest: str) -> Path:
        """Give a whole, synced file its name. A file that is there already is the same one."""
        path = self.path(digest)
        path.parent.mkdir(exist_ok=True)
        incoming.replace(path)
        _sync_folder(path.parent)
        if path.parent.name not in self._named:
            # Also where it was there: whoever made it may have died before this.
            _sync_folder(self.folder)
            self._named.add(path.parent.name)
        return path

    def adopt_still(self, incoming: Path, digest: str, which: str) -> Path:
        """Keep a picture cut from a film beside it.

        Raises:
            FileNotFoundError: The film was dropped meanwhile.
        """
        with incoming.open("rb") as file:
            os.fsync(file.fileno())
        with self._lock:
            self.path(digest).stat()
            path = self.still(digest, which)
            incoming.replace(path)
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

    def drop(self, digest: str) -> bool:
        """Remove a file and the stills cut from it; False, and nothing is done, while pinned.

        Whether anything needs it is the caller's to know: see `gateway.storage.holdings`.
        """
        with self._lock:
            if self._pinned[digest] > 0:
                return False
            for path in (*(self.still(digest, one) for one in STILLS), self.path(digest)):
                path.unlink(missing_ok=True)
        return True

    def sweep(self, before: float = math.inf) -> None:
        """Remove what a crash left half written. For start-up, before anything is saved.

        Where others save into the same folder, only what nobody touched since `before`
        (seconds since 1970).
        """
        for leftover in (self.folder / "incoming").iterdir():
            with suppress(FileNotFoundError):
                if leftover.stat().st_mtime < before:
                    leftover.unlink()

    def pin(self, digest: str) -> None:
        """Keep a file from being dropped, once more."""
        with self._lock:
            self._pinned[digest] += 1

    def unpin(self, digest: str) -> None:
        """Take back one `pin`."""
        with self._lock:
            self._pinned[digest] -= 1
            if self._pinned[digest] <= 0:
                del self._pinned[digest]


class Pins:
    """Files that are pinned until the end of a `with` block.

    Inside it the files are saved, and the transaction that says who needs them is
    committed. Should the block be cut short, by a cancellation, that transaction may still
    be under way: then the pins go `afterwards`. A thread that comes to it after the end
    pins nothing.
    """

    def __init__(self, store: MediaStore, afterwards: Callable[[Callable[[], None]], None]) -> None:
        self._store = store
        self._afterwards = afterwards
        self._held: list[str] = []
        self._over = False
        self._lock = RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._over = True
        if kind is None or issubclass(kind, Exception):
            self._release()
        else:
            self._afterwards(self._release)

    def _release(self) -> None:
        for digest in self._held:
            self._store.unpin(digest)

    def foresee(self, digests: Iterable[str]) -> None:
        """Pin what is about to be saved."""
        for digest in digests:
            self._pin(digest)

    def save(self, content: bytes) -> str:
        """Pin and keep these bytes; their digest."""
        digest = digest_of(content)
        self._pin(digest)
        return self._store.save(content)

    def adopt(self, incoming: Path, digest: str) -> Path:
        """Pin a whole, synced file, and give it its name."""
        self._pin(digest)
        return self._store.adopt(incoming, digest)

    def hold(self, digest: str) -> bool:
        """Pin a file that should be there; whether it is."""
        self._pin(digest)
        return self._store.path(digest).exists()

    def _pin(self, digest: str) -> None:
        with self._lock:
            if not self._over:
                self._store.pin(digest)
                self._held.append(digest)


def _sync_folder(folder: Path) -> None:
    """Without this a power loss can take the new name although the file's bytes are safe."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
