"""Secrets by reference: `env:NAME` and `file:PATH`. A configuration never holds one itself."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from providers.contract import Secret

HOW_TO: Final = 'write "env:NAME" (an environment variable) or "file:PATH" (a file)'

_MAX_BYTES: Final = 64 * 1024
_READABLE_BY_ALL: Final = stat.S_IROTH | stat.S_IWOTH
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Someone may put the secret itself behind `env:`. Only what looks like the usual name of a
# variable is shown again.
_SHOWABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")


class ReferenceProblem(Exception):  # noqa: N818 - a fault in the making, not an error of ours
    """A secret could not be had. The text never holds its value."""

    def __init__(self, problem: str, hint: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


def resolve(reference: str, environ: Mapping[str, str], folder: Path) -> Secret:
    """Fetch the secret that `reference` names; relative paths start at `folder`.

    Raises:
        ReferenceProblem: It is a literal value, or nothing usable is there.
    """
    kind, colon, name = reference.partition(":")
    if colon and kind == "env":
        return Secret(_usable(_from_environment(name, environ)))
    if colon and kind == "file":
        return Secret(_usable(_from_file(folder / name)))
    raise ReferenceProblem("is a literal value; secrets are given by reference only", HOW_TO)


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    if not _VARIABLE.fullmatch(name):
        raise ReferenceProblem("names no environment variable after `env:`", HOW_TO)
    value = environ.get(name)
    if value is None:
        shown = name if _SHOWABLE.fullmatch(name) else "it names"
        raise ReferenceProblem(f"the environment variable {shown} is not set")
    return value


def _from_file(path: Path) -> str:
    try:
        # Looked at before it is opened: opening a pipe would wait for its other end.
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise ReferenceProblem("the file it names is not a regular file")
        if mode & _READABLE_BY_ALL:
            raise ReferenceProblem(
                "every user of this machine may read or write the file it names",
                f"chmod {stat.S_IMODE(mode) & ~0o007:o} {path}",
            )
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise ReferenceProblem(f"there is no file {path}") from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "unknown reason"
        raise ReferenceProblem(f"the file {path} cannot be read: {reason}") from None
    if len(content) > _MAX_BYTES:
        raise ReferenceProblem(f"the file it names is larger than {_MAX_BYTES // 1024} KiB")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ReferenceProblem("the file it names is not text") from None
    return text.removesuffix("\n").removesuffix("\r")


def _usable(value: str) -> str:
    """`value`, if an HTTP header can carry it: that is where most secrets here go."""
    if not value:
        raise ReferenceProblem("the secret it names is empty")
    if not (value.isascii() and value.isprintable()) or value != value.strip():
        raise ReferenceProblem(
            "the secret it names holds blanks around it, a line break or another character "
            "than the printable ones of ASCII"
        )
    return value
