"""A limit that changes over time: `3, 1 at 60s, 0 at 2m`."""

import re

import msgspec

from mockserver.engine.durations import seconds_of

_STEP = re.compile(r"(\d{1,4}|none)(?:\s*(?:at|@)\s*(\S+))?")


class Capacity(msgspec.Struct, frozen=True):
    """How much there is from which moment on, earliest first; None means no limit."""

    steps: tuple[tuple[float, int | None], ...] = ()

    def at(self, moment: float) -> int | None:
        """What holds at a moment of virtual time."""
        found: int | None = None
        for since, limit in self.steps:
            if since > moment:
                break
            found = limit
        return found


def parse(text: str) -> Capacity:
    """The timeline that a text tells of; an empty one sets no limit.

    Raises:
        ValueError: it cannot be read; the text says where.
    """
    steps: list[tuple[float, int | None]] = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        found = _STEP.fullmatch(part)
        if found is None:
            raise ValueError(f"{part!r} is no step of a capacity, such as `3` or `1 at 60s`")
        since = seconds_of(found[2]) if found[2] else 0.0
        if steps and since <= steps[-1][0]:
            raise ValueError(f"{part!r} must come after the step before it")
        steps.append((since, None if found[1] == "none" else int(found[1])))
    return Capacity(tuple(steps))
