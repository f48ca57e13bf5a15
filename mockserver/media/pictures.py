"""Still pictures by Pillow: read, fitted, put together, compared, written."""

import io
from collections.abc import Sequence

from PIL import Image, ImageChops, ImageOps, ImageStat, UnidentifiedImageError

from mockserver.media import drawn, stamp
from mockserver.media.clip import Clip, Role, Source
from mockserver.media.film import last_picture
from mockserver.media.tiles import Board

Size = tuple[int, int]
Picture = Image.Image

READ_ERRORS = (
    UnidentifiedImageError,
    OSError,
    ValueError,
    SyntaxError,
    Image.DecompressionBombError,
)


def read(data: bytes) -> Picture:
    """A picture in RGB, turned the way its EXIF says."""
    with Image.open(io.BytesIO(data)) as picture:
        return ImageOps.exif_transpose(picture).convert("RGB")


def fault(data: bytes) -> str | None:
    """Why the bytes are no picture; None when they are one."""
    try:
        read(data)
    except READ_ERRORS as cause:
        return f"is not a readable image: {cause}"
    return None


def cover(picture: Picture, size: Size) -> Picture:
    """The middle of the picture, filling the size without distortion."""
    return ImageOps.fit(picture, size, Image.Resampling.BICUBIC)


def painted(board: Board) -> Picture:
    """A picture in tiles."""
    return Image.frombytes("RGB", (board.width, board.height), b"".join(board.lines()))


def with_references(picture: Picture, references: Sequence[Picture]) -> Picture:
    """The references side by side along the top, in their order."""
    width, height = picture.size
    side = min(width, height) // 4
    gap = side // 4
    left = (width - len(references) * (side + gap) + gap) // 2
    for reference in references:
        picture.paste(cover(reference, (side, side)), (left, gap))
        left += side + gap
    return picture


def still(source: Source, size: Size) -> Picture:
    """The picture of a source, fitted; one without bytes is drawn from its URL."""
    if source.data is None:
        return painted(drawn.still(source, *size))
    if source.role == "extend":
        return cover(last_picture(source.data), size)
    return cover(read(source.data), size)


def ends(clip: Clip) -> tuple[Picture, Picture | None]:
    """What the clip starts at, and what it ends at if it was told."""
    size = (clip.width, clip.height)

    def stills(*roles: Role) -> list[Picture]:
        return [still(source, size) for source in clip.sources if source.role in roles]

    first, last = stills("first", "extend"), stills("last")
    if not first:
        first = [with_references(painted(drawn.card(clip)), stills("reference"))]
    return first[0], last[0] if last else None


def stamp_in(picture: Picture) -> str | None:
    """The code along the top edge of a picture; None when it has none."""
    top = picture.convert("L").crop((0, 0, picture.width, stamp.HEIGHT))
    values = top.tobytes()
    return stamp.code_in(lambda x, y: values[y * top.width + x], *picture.size)


def difference(one: Picture, other: Picture) -> float:
    """How far two pictures are apart on average, of 255; a smaller one is made as large."""
    if other.size != one.size:
        other = other.resize(one.size)
    bands = ImageStat.Stat(ImageChops.difference(one, other)).mean
    return sum(bands) / len(bands)


def png(picture: Picture) -> bytes:
    """Lossless, quick rather than small."""
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()


def jpeg(picture: Picture, longest_side: int) -> bytes:
    """Small enough to fit a square of that side."""
    smaller = picture.copy()
    smaller.thumbnail((longest_side, longest_side))
    out = io.BytesIO()
    smaller.save(out, "JPEG", quality=85)
    return out.getvalue()
