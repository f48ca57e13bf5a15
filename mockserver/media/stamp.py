"""A job's code, painted along the top edge, which is still there when a film is encoded anew.

Twenty cells side by side, each white or black: two that are always the same, sixteen bits of a
digest of the job, two more that are always the same. First and last pictures go unstamped: they
are the pictures that were given, and what the next film may start from. A film that is narrower
than twenty tiles has no stamp.
"""

import hashlib
from collections.abc import Callable
from typing import Final

CELLS: Final = 20
HEIGHT: Final = 16
"""Pixels."""
NARROWEST: Final = CELLS * 16
"""Pixels; nothing narrower is stamped."""
_FRONT, _BACK = "10", "01"
_BITS: Final = 16
_DARK, _LIGHT = 60, 195
"""Between these a cell says nothing."""


def code_of(job: str) -> str:
    """Sixteen bits that stand for a job."""
    digest = int.from_bytes(hashlib.sha256(job.encode()).digest()[:2])
    return format(digest, f"0{_BITS}b")


def cells_of(job: str) -> list[bool]:
    """The cells from left to right: whether each is white."""
    return [bit == "1" for bit in _FRONT + code_of(job) + _BACK]


def is_stamped(frame: int, of: int, width: int) -> bool:
    """Whether that picture of a film is to have a stamp."""
    return 0 < frame < of - 1 and width >= NARROWEST


def code_in(light: Callable[[int, int], int], width: int, height: int) -> str | None:
    """The code in a picture by how light (0 to 255) it is at a place; None when it has none."""
    if width < CELLS:
        return None
    y = min(height // 180 + 1, height - 1, HEIGHT - 1)
    seen = [light((2 * cell + 1) * width // (2 * CELLS), y) for cell in range(CELLS)]
    if any(_DARK < value < _LIGHT for value in seen):
        return None
    bits = "".join("1" if value >= _LIGHT else "0" for value in seen)
    return bits[2:-2] if (bits[:2], bits[-2:]) == (_FRONT, _BACK) else None
