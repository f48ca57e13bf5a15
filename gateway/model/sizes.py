"""Sizes in pixels, and the aspect ratio and resolution they stand for.

`1280x720` is 16:9 at 720p: a resolution counts the lines of the shorter side.
"""

import re
from collections.abc import Sequence
from math import gcd
from typing import Final, NamedTuple

RATIOS: Final = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9", "9:21")
"""Ratios that sizes are rounded to: 854x480 is 16:9, although 854 divides by no 16."""
SLACK: Final = 2
"""Pixels by which the longer side may miss a ratio: encoders want even numbers."""
SIDES: Final = (16, 16_384)

_SIZE: Final = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")
_RATIO: Final = re.compile(r"([1-9][0-9]{0,4}):([1-9][0-9]{0,4})")
_RESOLUTION: Final = re.compile(r"([1-9][0-9]{0,4})p")


class Size(NamedTuple):
    """What a size asks for."""

    aspect_ratio: str
    resolution: str


def size_of(text: str) -> Size | None:
    """The ratio and resolution of `1280x720`, None for anything else."""
    found = _SIZE.fullmatch(text)
    if found is None:
        return None
    width, height = map(int, found.groups())
    if not all(SIDES[0] <= side <= SIDES[1] for side in (width, height)):
        return None
    return Size(_ratio(width, height), f"{min(width, height)}p")


def ratio_of(text: str) -> tuple[int, int] | None:
    """Both numbers of `16:9`, None for anything else."""
    found = _RATIO.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def pixels(aspect_ratio: str, resolution: str) -> str | None:
    """The size in pixels, None where the two do not tell one that `size_of` takes."""
    ratio, lines = ratio_of(aspect_ratio), _RESOLUTION.fullmatch(resolution)
    if ratio is None or lines is None:
        return None
    across, down = ratio
    short = int(lines.group(1))
    long = _long(short, across, down)
    size = f"{long}x{short}" if across >= down else f"{short}x{long}"
    return size if size_of(size) else None


def closest(wanted: Size, sizes: Sequence[str]) -> str | None:
    """The size whose shape comes nearest, and among these the one nearest in lines."""
    known = {one: size for one in sizes if (size := size_of(one))}
    return min(known, key=lambda one: _distance(wanted, known[one]), default=None)


def _ratio(width: int, height: int) -> str:
    for ratio in RATIOS:
        across, down = map(int, ratio.split(":"))
        exact = min(width, height) * max(across, down) / min(across, down)
        turned = across != down and (width > height) != (across > down)
        if not turned and abs(max(width, height) - exact) < SLACK:
            return ratio
    common = gcd(width, height)
    return f"{width // common}:{height // common}"


def _long(short: int, across: int, down: int) -> int:
    """The longer side, rounded to an even number where it comes out uneven."""
    exact, rest = divmod(short * max(across, down), min(across, down))
    return exact if not rest else exact + exact % 2


def _distance(wanted: Size, found: Size) -> tuple[float, int]:
    shapes = []
    for size in (wanted, found):
        across, down = map(int, size.aspect_ratio.split(":"))
        shapes.append(across / down)
    lines = abs(int(wanted.resolution[:-1]) - int(found.resolution[:-1]))
    return (max(shapes) / min(shapes), lines)
