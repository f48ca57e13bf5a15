"""When a video will be finished, from how long its kind took before. Times are microseconds."""

from typing import Final

import msgspec

MEMORY: Final = 20
"""How many videos an estimate remembers: older ones fade."""
WIDTH: Final = 2
"""How many mean deviations the earliest and the latest time lie from the expected one."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """How long videos of one kind take: `mean` of `count` of them, with a mean deviation."""

    count: int
    mean: int
    spread: int


class Eta(msgspec.Struct, frozen=True, kw_only=True):
    """When a video will most likely be finished, and when at the earliest and the latest."""

    expected: int
    earliest: int
    latest: int


def updated(estimate: Estimate | None, duration: int) -> Estimate:
    """The estimate after one more video that took so long.

    One alone tells nothing of how much they differ: half of it is assumed.
    """
    if estimate is None:
        return Estimate(count=1, mean=duration, spread=duration // 2)
    count = min(estimate.count + 1, MEMORY)
    deviation = abs(duration - estimate.mean)
    return Estimate(
        count=count,
        mean=estimate.mean + (duration - estimate.mean) // count,
        spread=estimate.spread + (deviation - estimate.spread) // count,
    )


def eta(
    now: int, place: int, slots: int, estimate: Estimate | None, began: int | None
) -> Eta | None:
    """When a job will be finished; None while nothing is known of its kind.

    Args:
        now: None of the answer lies before.
        place: Its place in line, from 1, while it waits.
        slots: How many jobs run at once; taken as 1 where there are none now.
        estimate: How long its kind takes.
        began: When it got its slot; None while it waits, for `place` / `slots` rounds.
    """
    if estimate is None:
        return None
    slots = max(slots, 1)
    begin, line = (now, place) if began is None else (began, 0)

    def after(duration: int) -> int:
        return max(now, begin + duration * (slots + line) // slots)

    margin = WIDTH * estimate.spread
    return Eta(
        expected=after(estimate.mean),
        earliest=after(max(estimate.mean - margin, 0)),
        latest=after(estimate.mean + margin),
    )
