"""How given pictures become a film: faded, moved and painted over plane by plane.

On planes every step costs half of what it does in RGB, and nothing is converted twice.
"""

from collections.abc import Iterator
from typing import Final

from PIL import Image

from mockserver.media import pictures, stamp
from mockserver.media.clip import Clip
from mockserver.media.film import Planes, planes_of
from mockserver.media.tiles import BLACK, WHITE, ycbcr

ZOOM: Final = 0.12
"""How far a film without a last picture has moved in at its end, as a share of its width."""
TINT: Final = ycbcr(255, 170, 90)
TINT_SHARE: Final = 0.25
"""How much of the tint there is at its end."""


def pictures_of(clip: Clip) -> Iterator[Planes]:
    """The pictures of a clip."""
    first, last = pictures.ends(clip)
    start, end = planes_of(first), None if last is None else planes_of(last)
    given = any(source.role in {"first", "extend"} for source in clip.sources)
    for frame in range(clip.pictures):
        share = frame / max(1, clip.pictures - 1)
        if end is not None:
            planes = faded(start, end, share)
        else:
            planes = drifted(start, share) if given else with_bar(start, share)
        if clip.job and stamp.is_stamped(frame, clip.pictures, clip.width):
            planes = stamped(planes, clip.job)
        yield planes


def faded(one: Planes, other: Planes, share: float) -> Planes:
    """A picture between two."""
    luma, blue, red = (Image.blend(a, b, share) for a, b in zip(one, other, strict=True))
    return luma, blue, red


def drifted(planes: Planes, share: float) -> Planes:
    """The picture moved in and warmed a little; at share 0 the picture itself."""

    def moved(plane: Image.Image) -> Image.Image:
        x, y = plane.width * ZOOM * share / 2, plane.height * ZOOM * share / 2
        box = (x, y, plane.width - x, plane.height - y)
        return plane.resize(plane.size, Image.Resampling.BILINEAR, box=box)

    luma, blue, red = (moved(plane) if share else plane for plane in planes)
    tint = tuple(
        Image.new("L", plane.size, value) for plane, value in zip(planes, TINT, strict=True)
    )
    return faded((luma, blue, red), (tint[0], tint[1], tint[2]), TINT_SHARE * share)


def with_bar(planes: Planes, share: float) -> Planes:
    """A copy with a bar along the bottom, `share` of the width long."""
    luma, blue, red = (plane.copy() for plane in planes)
    for plane, value in zip((luma, blue, red), WHITE, strict=True):
        high = max(2, plane.height // 40)
        plane.paste(value, (0, plane.height - high, round(plane.width * share), plane.height))
    return luma, blue, red


def stamped(planes: Planes, job: str) -> Planes:
    """A copy with a job's code along its top edge."""
    luma, blue, red = (plane.copy() for plane in planes)
    cells = Image.new("L", (stamp.CELLS, 1))
    cells.putdata([WHITE[0] if lit else BLACK[0] for lit in stamp.cells_of(job)])
    high = min(stamp.HEIGHT, luma.height)
    luma.paste(cells.resize((luma.width, high), Image.Resampling.NEAREST), (0, 0))
    for plane in (blue, red):
        plane.paste(WHITE[1], (0, 0, plane.width, high // 2))
    return luma, blue, red
