"""Films drawn without a library: a text on a card, given pictures in tiles, fades between two."""

import hashlib
from collections.abc import Iterator

from mockserver.media import mp4, notes, png, stamp, tiles
from mockserver.media.clip import FPS, Clip, Source
from mockserver.media.h264 import SIDE, Encoder
from mockserver.media.tiles import Board


def film(clip: Clip) -> bytes:
    """The MP4."""
    encoder = Encoder(clip.width, clip.height, FPS)
    pictures = []
    for board, note in zip(boards(clip), notes.notes_of(clip), strict=True):
        *sets, picture = encoder.picture(board.tiles)
        pictures.append([*sets, notes.unit(note), picture])
    return mp4.write(pictures, (clip.width, clip.height), FPS)


def last_frame_png(clip: Clip) -> bytes:
    """The last picture of the film, as decoders see it."""
    *_, last = boards(clip)
    return png.write(last.lines(), clip.width, clip.height)


def boards(clip: Clip) -> Iterator[Board]:
    """The pictures of a clip."""
    first, last = _ends(clip)
    for frame in range(clip.pictures):
        share = frame / max(1, clip.pictures - 1)
        if last is None:
            board = first.copy()
            tiles.bar(board, share)
        else:
            board = tiles.faded(first, last, share)
        if clip.job and stamp.is_stamped(frame, clip.pictures, clip.width):
            _stamp(board, clip.job)
        yield board


def card(clip: Clip) -> Board:
    """The clip's caption, and whose it is, over a gradient of their own."""
    board = tiles.gradient(clip.caption.encode(), clip.width, clip.height)
    tiles.caption(board, clip.caption, f"{clip.job} / {clip.segment}" if clip.job else "")
    return board


def _ends(clip: Clip) -> tuple[Board, Board | None]:
    """What a clip starts at, and what it ends at if it was told."""

    def shown(*roles: str) -> list[Source]:
        return [source for source in clip.sources if source.role in roles]

    first, last = shown("first", "extend"), shown("last")
    size = clip.width, clip.height
    start = still(first[0], *size) if first else _with_references(card(clip), shown("reference"))
    return start, still(last[0], *size) if last else None


def _with_references(board: Board, references: list[Source]) -> Board:
    """The references side by side along the top, in their order."""
    side = -(-min(board.columns, board.rows) // 4)
    gap = max(1, side // 4)
    left = (board.columns - len(references) * (side + gap) + gap) // 2
    for number, reference in enumerate(references):
        column = left + number * (side + gap)
        if column >= 0:
            tiles.paste(board, still(reference, side * SIDE, side * SIDE), column, gap)
    return board


def still(source: Source, width: int, height: int) -> Board:
    """A source in tiles: its own colours where they can be read, else others that it decides."""
    if source.data is None:
        board = tiles.gradient(source.url.encode(), width, height)
        tiles.caption(board, source.url, source.role)
        return board
    try:
        return _in_colour(png.read(source.data), width, height)
    except (ValueError, IndexError):
        board = tiles.gradient(source.data, width, height)
        digest = hashlib.sha256(source.data).hexdigest()[:12]
        tiles.caption(board, f"{source.role} {digest}", "")
        return board


def _in_colour(picture: png.Pixels, width: int, height: int) -> Board:
    """The middle of a picture, filling the size without distortion."""
    wide = min(picture.width, picture.height * width / height)
    high = min(picture.height, picture.width * height / width)
    left, top = (picture.width - wide) / 2, (picture.height - high) / 2

    def colour(x: float, y: float) -> tiles.Colour:
        return tiles.ycbcr(
            *picture.at(
                min(picture.width - 1, int(left + x * wide)),
                min(picture.height - 1, int(top + y * high)),
            )
        )

    return tiles.sampled(colour, width, height)


def _stamp(board: Board, job: str) -> None:
    cells = stamp.cells_of(job)
    for column in range(board.columns):
        middle = min(board.width - 1, (2 * column + 1) * SIDE // 2)
        lit = cells[middle * stamp.CELLS // board.width]
        board.tiles[column] = tiles.WHITE if lit else tiles.BLACK
