"""A copy of an SQLite database, while a gateway works on it."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from gateway.storage.errors import StorageError

BUSY_SECONDS: Final = 30.0
"""How long to wait for a moment at which the database can be read."""


def back_up(source: Path, target: Path) -> None:
    """Write the database as it is at one moment to a new file, and check that.

    The gateway goes on meanwhile: a reader holds no writer up. The file is there when it is
    whole and on the disk, and not before; only its owner may read it.

    Raises:
        StorageError: There is no such database, the file exists, or it could not be written.
    """
    if not source.exists():
        raise StorageError(f"there is no database {source}")
    if target.exists():
        raise StorageError(f"{target} exists already")
    part = target.with_name(f"{target.name}.part")
    try:
        # SQLite fills an empty file, and would make one that everybody may read.
        os.close(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
        _copy(source, part)
        faults = _faults(part)
        if faults:
            raise StorageError(f"the copy of {source} is damaged: {'; '.join(faults)}")
        _sync(part)
        part.replace(target)
        _sync(target.absolute().parent)
    except sqlite3.Error as error:
        raise StorageError(f"cannot copy {source} to {target}: {error}") from None
    except OSError as error:
        raise StorageError(f"cannot write {target}: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)


def _copy(source: Path, part: Path) -> None:
    # One that may not write takes no part in checkpoints either.
    url = f"file:{quote(str(source.absolute()))}?mode=ro"
    with closing(sqlite3.connect(url, uri=True, timeout=BUSY_SECONDS)) as connection:
        connection.execute("VACUUM INTO ?", [str(part)])


def _faults(part: Path) -> list[str]:
    with closing(sqlite3.connect(part)) as connection:
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
    return [one for one in found if one != "ok"]


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
