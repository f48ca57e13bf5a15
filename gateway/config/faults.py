"""What can be wrong with a configuration, and how it is said."""

import difflib
import json
import re
from collections.abc import Iterable
from typing import Final

import msgspec

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_QUOTED: Final = 80


class ConfigFault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that has to be changed before the gateway starts.

    Attributes:
        where: The setting (`accounts[1].max_jobs`), or file, line and column of a syntax error.
        problem: What is wrong with it. Never holds the value of a secret.
        hint: The allowed values, the nearest known name, or what to do.
        source: The environment variable the value came from; None for the file.
    """

    where: str
    problem: str
    hint: str | None = None
    source: str | None = None

    def __str__(self) -> str:
        origin = f" (from {self.source})" if self.source else ""
        hint = f"\n    {self.hint}" if self.hint else ""
        return f"{self.where}{origin}: {self.problem}{hint}"


class ConfigError(Exception):
    """The configuration cannot be used. `faults` names every reason, never none."""

    def __init__(self, faults: Iterable[ConfigFault]) -> None:
        self.faults = tuple(faults)
        many = f"{len(self.faults)} faults" if len(self.faults) > 1 else "1 fault"
        super().__init__("\n".join([f"{many} in the configuration", *map(str, self.faults)]))


class Faults:
    """Collects faults while a configuration is read, so that one run shows them all."""

    def __init__(self) -> None:
        self.found: list[ConfigFault] = []

    def add(self, where: str, problem: str, hint: str | None = None) -> None:
        """Note one fault."""
        self.found.append(ConfigFault(where=where, problem=problem, hint=hint))


def quoted(text: str) -> str:
    """A name as it may be shown on a terminal: escaped and not too long. Not for secrets."""
    cut = text if len(text) <= _MAX_QUOTED else text[: _MAX_QUOTED - 1] + "…"
    return json.dumps(cut, ensure_ascii=not cut.isprintable())


def step(where: str, key: str) -> str:
    """The address of `key` inside the table at `where` ("" is the top)."""
    shown = key if _BARE_KEY.fullmatch(key) else quoted(key)
    return f"{where}.{shown}" if where else shown


def nearest(name: str, known: Iterable[str]) -> str | None:
    """A hint that names the known name closest to `name`, or else lists what is known."""
    names = sorted(known)
    # difflib is quadratic: nobody misspells a name into a novel.
    close = difflib.get_close_matches(name[:_MAX_QUOTED].lower(), names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(names)}" if names else None
