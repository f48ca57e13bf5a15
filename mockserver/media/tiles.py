"""Pictures in tiles: gradients, texts, blocks and fades, and the way back to pixels."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from mockserver.media import font
from mockserver.media.h264 import SIDE, Tile

Colour = tuple[int, int, int]
"""Y, Cb and Cr by BT.709 in limited range."""

BLACK: Final = (16, 128, 128)
WHITE: Final = (235, 128, 128)
GROUND: Final = (32, 128, 128)
"""What letters stand on."""
_EMPTY: Final = bytes([GROUND[0]]) * SIDE**2
MOST_LINES: Final = 3
"""Of a text; letters are what costs room."""


def ycbcr(red: float, green: float, blue: float) -> Colour:
    """A colour from its RGB values, each from 0 to 255."""
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return (
        round(16 + luma * 219 / 255),
        round(128 + (blue - luma) / 1.8556 * 224 / 255),
        round(128 + (red - luma) / 1.5748 * 224 / 255),
    )


@lru_cache(maxsize=1 << 14)
def rgb(luma: int, blue: int, red: int) -> bytes:
    """The three bytes of a colour; cut, not rounded, as decoders do."""
    light = (luma - 16) * 255 / 219
    cb, cr = (blue - 128) * 255 / 224, (red - 128) * 255 / 224
    shares = 1.5748 * cr, -0.1873 * cb - 0.4681 * cr, 1.8556 * cb
    return bytes(min(255, max(0, int(light + share))) for share in shares)


class Board:
    """A picture in tiles; of its last column and row a part may be beyond the edge."""

    def __init__(self, width: int, height: int, tiles: Sequence[Tile] = ()) -> None:
        self.width, self.height = width, height
        self.columns, self.rows = -(-width // SIDE), -(-height // SIDE)
        self.tiles: list[Tile] = list(tiles)

    def copy(self) -> "Board":
        """Another one, to be painted over."""
        return Board(self.width, self.height, self.tiles)

    def lines(self) -> Iterator[bytes]:
        """RGB line by line, top down."""
        for row in range(self.rows):
            tiles = self.tiles[row * self.columns : (row + 1) * self.columns]
            pixels = [_pixels(tile) for tile in tiles]
            for y in range(min(SIDE, self.height - row * SIDE)):
                yield b"".join([tile[y] for tile in pixels])[: self.width * 3]


@lru_cache(maxsize=1 << 12)
def _pixels(tile: Tile) -> tuple[bytes, ...]:
    luma, blue, red = tile
    if not isinstance(luma, bytes):
        return (rgb(luma, blue, red) * SIDE,) * SIDE
    pixels = [rgb(value, blue, red) for value in luma]
    return tuple(b"".join(pixels[at : at + SIDE]) for at in range(0, SIDE**2, SIDE))


def gradient(seed: bytes, width: int, height: int) -> Board:
    """Two colours that the seed decides, one fading into the other from corner to corner."""
    digest = hashlib.sha256(seed).digest()
    top = ycbcr(*(byte // 2 for byte in digest[:3]))
    bottom = ycbcr(*(64 + byte // 2 for byte in digest[3:6]))
    board = Board(width, height)
    steps = board.columns + board.rows - 1
    colours = [mixed(top, bottom, step / steps) for step in range(steps)]
    for row in range(board.rows):
        board.tiles += colours[row : row + board.columns]
    return board


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """A colour between two: `share` of the other."""
    (y, b, r), (y2, b2, r2) = one, other
    return (
        round(y + (y2 - y) * share),
        round(b + (b2 - b) * share),
        round(r + (r2 - r) * share),
    )


def faded(one: Board, other: Board, share: float) -> Board:
    """A picture between two; letters are to be seen only at the ends."""
    if share in {0, 1}:
        return other.copy() if share else one.copy()
    pairs = zip(map(_colour, one.tiles), map(_colour, other.tiles), strict=True)
    return Board(one.width, one.height, [mixed(a, b, share) for a, b in pairs])


def _colour(tile: Tile) -> Colour:
    luma, blue, red = tile
    return GROUND if isinstance(luma, bytes) else (luma, blue, red)


def sampled(colour: Callable[[float, float], Colour], width: int, height: int) -> Board:
    """A picture by what it shows at the middle of each tile, in shares of its width and height."""
    board = Board(width, height)
    across = [min(1.0, (column + 0.5) * SIDE / width) for column in range(board.columns)]
    for row in range(board.rows):
        down = min(1.0, (row + 0.5) * SIDE / height)
        board.tiles += [colour(x, down) for x in across]
    return board


def paste(board: Board, block: Board, column: int, row: int) -> None:
    """Paints a smaller picture over a part of a larger one, as far as it fits."""
    for y in range(min(block.rows, board.rows - row)):
        at = (row + y) * board.columns + column
        shown = block.tiles[y * block.columns :][: min(block.columns, board.columns - column)]
        board.tiles[at : at + len(shown)] = shown


def bar(board: Board, share: float) -> None:
    """Paints a bar along the bottom, `share` of the width long."""
    at = len(board.tiles) - board.columns
    long = round(board.columns * share)
    board.tiles[at : at + long] = [WHITE] * long


def caption(board: Board, text: str, label: str) -> None:
    """Writes a text into the middle and a smaller label under it, as far as there is room."""
    scale = max(1, min(board.width, board.height) // 180)
    small = max(1, scale // 2)
    room = board.rows - 3 - _rows(small)
    most = min(MOST_LINES, room // _rows(scale))
    letters = (board.width * 9 // 10) // (font.CELL * scale)
    texts = [(line, scale) for line in font.lines_of(text, letters, most)] if most > 0 else []
    if label and room >= 0:
        texts.append(("", 1))
        texts.append((font.plain(label)[: board.width * 9 // 10 // (font.CELL * small)], small))
    lines = [_lettered(line, each) for line, each in texts]
    wide, high = max((line.columns for line in lines), default=0), sum(line.rows for line in lines)
    row = (board.rows - high) // 2
    for line in lines:
        ground = Board(wide * SIDE, line.height, [GROUND] * (wide * line.rows))
        paste(ground, line, (wide - line.columns) // 2, 0)
        paste(board, ground, max(0, (board.columns - wide) // 2), row)
        row += line.rows


def _rows(scale: int) -> int:
    """How many rows of tiles a line of letters takes."""
    return -(-(font.HIGH + 1) * scale // SIDE)


def _lettered(text: str, scale: int) -> Board:
    """A line of letters on a ground that is a little wider than they."""
    dark, light = GROUND[0], WHITE[0]
    wide = len(text) * font.CELL * scale
    board = Board(wide + SIDE, _rows(scale) * SIDE)
    before = (board.columns * SIDE - wide) // 2
    margin = bytes([dark]) * before, bytes([dark]) * (board.columns * SIDE - wide - before)
    glyphs = [font.glyph(letter, scale, dark, light) for letter in text]
    above = (board.height - font.HIGH * scale) // 2
    lines = [bytes([dark]) * (board.columns * SIDE)] * above
    for dots in zip(*glyphs, strict=True):
        lines += [margin[0] + b"".join(dots) + margin[1]] * scale
    lines += [lines[0]] * (board.height - len(lines))
    for top in range(0, board.height, SIDE):
        for left in range(0, board.columns * SIDE, SIDE):
            luma = b"".join([line[left : left + SIDE] for line in lines[top : top + SIDE]])
            board.tiles.append(GROUND if luma == _EMPTY else (luma, *GROUND[1:]))
    return board
