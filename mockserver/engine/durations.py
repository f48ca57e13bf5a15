"""Durations as texts: `3s`, `250ms`, `2m`, `1h`, or a bare number of seconds."""

import re

_SECONDS = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


def seconds_of(text: str) -> float:
    """The seconds that a text tells of.

    Raises:
        ValueError: it tells of none.
    """
    found = _SECONDS.fullmatch(text)
    if found is None:
        raise ValueError("takes a duration such as 3s, 250ms or 2m")
    return float(found[1]) * _UNITS[found[2]]
