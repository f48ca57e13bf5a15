"""The allowed value that comes nearest to one that is not: by number where there is one."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from math import inf, log
from typing import Final, TypeVar

V = TypeVar("V", str, int)

_RATIO: Final = re.compile(r"([1-9][0-9]{0,4}):([1-9][0-9]{0,4})")
_NAMED: Final = {"2K": 1440, "4K": 2160, "8K": 4320}
_LINES: Final = re.compile(r"([1-9][0-9]{0,4})p?")


def nearest_value(value: V, allowed: Sequence[V]) -> V | None:
    """The closest of `allowed`, None where none is close."""
    if isinstance(value, int):
        return min(allowed, key=lambda one: abs(int(one) - int(value)), default=None)
    for measure in (_shape, _lines):
        wanted = measure(str(value))
        if wanted is not None:
            distances = {one: _distance(wanted, measure(str(one))) for one in allowed}
            best = min(allowed, key=distances.__getitem__, default=None)
            return best if best is not None and distances[best] < inf else None
    # difflib is quadratic: nobody misspells a word into a novel.
    close = get_close_matches(str(value)[:100], [str(one) for one in allowed], n=1, cutoff=0.3)
    return next((one for one in allowed if close and str(one) == close[0]), None)


def _shape(text: str) -> float | None:
    """How wide a ratio is: 16:9 and 9:16 are as far from 1:1."""
    found = _RATIO.fullmatch(text)
    return log(int(found[1]) / int(found[2])) if found else None


def _lines(text: str) -> float | None:
    """How many lines a resolution has, with or without its p."""
    found = _LINES.fullmatch(text)
    lines = int(found[1]) if found else _NAMED.get(text.upper())
    return log(lines) if lines else None


def _distance(wanted: float, found: float | None) -> float:
    return inf if found is None else abs(wanted - found)
