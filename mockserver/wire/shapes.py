"""Ratios and sides: how many pixels a ratio at a given short side has."""

SIDES: dict[str, tuple[int, int]] = {
    "16:9": (16, 9),
    "9:16": (9, 16),
    "1:1": (1, 1),
    "4:3": (4, 3),
    "3:4": (3, 4),
}


def dimensions(ratio: str, short_side: int) -> tuple[int, int]:
    """Width and height in pixels, both even, as H.264 wants them."""
    wide, high = SIDES[ratio]
    unit = short_side / min(wide, high)
    return round(wide * unit / 2) * 2, round(high * unit / 2) * 2


WIDEST = 3
"""How many times its short side a film may be long at most."""


def fitted(size: tuple[int, int], short_side: int) -> tuple[int, int]:
    """The size scaled to a short side, both sides even; extreme ratios are drawn in."""
    width, height = size
    unit = short_side / min(width, height)

    def side(pixels: int) -> int:
        return round(min(pixels * unit, short_side * WIDEST) / 2) * 2

    return side(width), side(height)


def nearest_ratio(size: tuple[int, int]) -> str:
    """The known ratio that a size comes closest to."""
    width, height = size
    return min(SIDES, key=lambda name: abs(SIDES[name][0] / SIDES[name][1] - width / height))
