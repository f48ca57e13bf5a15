"""H.264 without a library: Constrained Baseline, CAVLC, in tiles of one macroblock (ITU-T H.264).

What is written decodes to exactly the samples that were meant. At a quantiser of 22 a flat tile
costs one coefficient a plane: a luma level is twice the step from the predicted value, a chroma
level the step itself. Tiles that are not flat are sent as they are (I_PCM), unchanged ones are
skipped, and no deblocking filter runs over any of them.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final, TypeAlias

from mockserver.media.bits import Payload, nal, se, u, ue

Tile: TypeAlias = "tuple[int | bytes, int, int]"
"""Y, Cb and Cr of 16 by 16 pixels; Y one value or 256, line by line."""

SIDE: Final = 16
SPS, PPS, IDR, SLICE = 0x67, 0x68, 0x65, 0x41
"""The header bytes of NAL units: their type and how much hangs on them."""

_QP: Final = 22
_MIDDLE: Final = 128
_NOTHING_NEAR: Final[Tile] = (_MIDDLE, _MIDDLE, _MIDDLE)
_I_PCM: Final = 25
_INTRA_16X16_DC: Final = 3
_CHROMA_DC: Final = 4
"""What a macroblock type grows by when it has chroma coefficients."""
_AFTER_INTER_TYPES: Final = 5
"""Where the types of intra macroblocks begin in a P slice."""
_DC, _HORIZONTAL, _VERTICAL = 0, 1, 2
_LEVELS: Final = (
    (99, 10),
    (396, 20),
    (1620, 30),
    (3600, 31),
    (8192, 40),
    (22080, 50),
    (36864, 51),
)
"""Most macroblocks in a picture, and the level that allows them (table A-1)."""
_HIGHEST: Final = 62
_BT709: Final = 1
_UNSPECIFIED_VIDEO: Final = 5


def _level(columns: int, rows: int) -> int:
    for most, level in _LEVELS:
        if columns * rows <= most and max(columns, rows) ** 2 <= 8 * most:
            return level
    return _HIGHEST


def sequence(width: int, height: int, fps: int) -> bytes:
    """The sequence parameter set; an odd side is shown one pixel longer, as 4:2:0 knows no half."""
    columns, rows = -(-width // SIDE), -(-height // SIDE)
    cropped = (columns * SIDE - width) // 2, (rows * SIDE - height) // 2
    payload = Payload()
    payload.add(u(66, 8), "11000000", u(_level(columns, rows), 8), ue(0))
    payload.add(ue(0), ue(2), ue(1), "0")  # frame_num of 4 bits, order of output, one reference
    payload.add(ue(columns - 1), ue(rows - 1), "11")
    payload.add("1", ue(0), ue(cropped[0]), ue(0), ue(cropped[1]))
    payload.add("1", "1", u(1, 8), "0")  # VUI: square pixels, nothing on overscan
    payload.add("1", u(_UNSPECIFIED_VIDEO, 3), "0", "1", u(_BT709, 8) * 3, "0")
    payload.add("1", u(1, 32), u(2 * fps, 32), "1", "0", "0", "0")
    payload.add("1", "1", ue(0), ue(0), ue(16), ue(16), ue(0), ue(1))  # never reordered
    return nal(SPS, payload.finish())


def parameters() -> bytes:
    """The picture parameter set."""
    payload = Payload()
    payload.add(ue(0), ue(0), "0", "0", ue(0), ue(0), ue(0), "0", u(0, 2))
    payload.add(se(_QP - 26), se(0), se(0), "1", "0", "0")
    return nal(PPS, payload.finish())


def _level_code(level: int) -> str:
    """A lone coefficient that is neither 1 nor -1 (9.2.2.1)."""
    code = (2 * level if level > 0 else -2 * level + 1) - 4
    if code < 14:  # noqa: PLR2004 - the longest prefix without a suffix
        return "0" * code + "1"
    if code < 30:  # noqa: PLR2004 - and with a short one
        return "0" * 14 + "1" + u(code - 14, 4)
    return "0" * 15 + "1" + u(code - 30, 12)


@cache
def _luma(step: int, crowded: bool) -> str:  # noqa: FBT001
    """The block of luma DC coefficients; crowded beside tiles that were sent as they are."""
    none, one = ("000011", "000000") if crowded else ("1", "000101")
    return one + _level_code(2 * step) + "1" if step else none


@cache
def _chroma(step: int) -> str:
    """The block of DC coefficients of one chroma plane."""
    if abs(step) == 1:
        return "1" + ("0" if step > 0 else "1") + "1"
    return "000111" + _level_code(step) + "1" if step else "01"


@cache
def _head(mode: int, chroma: bool, inter: bool) -> str:  # noqa: FBT001
    """A flat macroblock up to its coefficients."""
    kind = _INTRA_16X16_DC + _CHROMA_DC * chroma + _AFTER_INTER_TYPES * inter
    return ue(kind) + ue(mode) + se(0)


class Encoder:
    """Turns pictures in tiles into NAL units, each picture by what differs from the last one."""

    def __init__(self, width: int, height: int, fps: int) -> None:
        self._columns = -(-width // SIDE)
        self._sets = [sequence(width, height, fps), parameters()]
        self._shown: Sequence[Tile] = ()
        self._right: list[int] = []
        self._bottom: list[int] = []
        self._number = 0

    def picture(self, tiles: Sequence[Tile]) -> list[bytes]:
        """The NAL units of the next picture; the first one brings the parameter sets along."""
        before, self._shown = self._shown, tiles
        payload = Payload()
        if before:
            pairs = enumerate(zip(tiles, before, strict=True))
            changed = [at for at, (new, old) in pairs if new is not old and new != old]
            payload.add(ue(0), ue(5), ue(0), u(self._number % 16, 4), "000", se(0), ue(1))
            self._macroblocks(payload, changed, inter=True)
            rest = len(tiles) - 1 - (changed[-1] if changed else -1)
            payload.add(ue(rest) if rest else "")
            units = [nal(SLICE, payload.finish())]
        else:
            self._right, self._bottom = [0] * len(tiles), [0] * len(tiles)
            payload.add(ue(0), ue(7), ue(0), u(0, 4), ue(0), "00", se(0), ue(1))
            self._macroblocks(payload, range(len(tiles)), inter=False)
            units = [*self._sets, nal(IDR, payload.finish())]
        self._number += 1
        return units

    def _macroblocks(self, payload: Payload, changed: Sequence[int], *, inter: bool) -> None:
        tiles, right, bottom, columns = self._shown, self._right, self._bottom, self._columns
        sent_whole: set[int] = set()
        following = 0
        for at in changed:
            luma, blue, red = tiles[at]
            if inter:
                payload.add(ue(at - following))
                following = at + 1
            if isinstance(luma, bytes):
                payload.add(ue(_I_PCM + _AFTER_INTER_TYPES * inter))
                payload.add_bytes(luma + bytes([blue]) * 64 + bytes([red]) * 64)
                right[at] = sum(luma[SIDE - 1 :: SIDE])
                bottom[at] = sum(luma[-SIDE:])
                sent_whole.add(at)
                continue
            mode, near, crowded, predicted = _DC, _NOTHING_NEAR, False, _MIDDLE
            left, above = at % columns > 0, at - columns
            if above >= 0:
                mode, near = _VERTICAL, tiles[above]
                crowded = above in sent_whole
                predicted = (bottom[above] + 8) >> 4
            if left:
                crowded = crowded or at - 1 in sent_whole
                if above >= 0:
                    predicted = (bottom[above] + right[at - 1] + 16) >> 5
                else:
                    mode, near = _HORIZONTAL, tiles[at - 1]
                    predicted = (right[at - 1] + 8) >> 4
            steps = blue - near[1], red - near[2]
            payload.add(_head(mode, steps != (0, 0), inter), _luma(luma - predicted, crowded))
            if steps != (0, 0):
                payload.add(_chroma(steps[0]), _chroma(steps[1]))
            right[at] = bottom[at] = SIDE * luma
