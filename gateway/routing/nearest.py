"""The allowed value that comes nearest to one that is not: by number where there is one."""

import re
from collections.abc import Sequence
from math import inf, log
from typing import Final, TypeVar

from gateway.model.reading import nearest
from gateway.model.sizes import ratio_of

V = TypeVar("V", str, int)

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
    close = nearest(str(value), [str(one) for one in allowed], cutoff=0.3)
    return next((one for one in allowed if str(one) == close), None)


def _shape(text: str) -> float | None:
    """How wide a ratio is: 16:9 and 9:16 are as far from 1:1."""
    sides = ratio_of(text)
    return log(sides[0] / sides[1]) if sides else None


def _lines(text: str) -> float | None:
    """How many lines a resolution has, with or without its p."""
    found = _LINES.fullmatch(text)
    lines = int(found[1]) if found else _NAMED.get(text.upper())
    return log(lines) if lines else None


def _distance(wanted: float, found: float | None) -> float:
    return inf if found is None else abs(wanted - found)
