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
