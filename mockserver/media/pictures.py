"""Still pictures: read, fitted, drawn, blended. The only module that imports Pillow at the top."""

import hashlib
import io
import textwrap
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError

from mockserver.engine.jobs import Role, Source
from mockserver.media.clip import Clip
from mockserver.media.film import last_picture

Size = tuple[int, int]
Picture = Image.Image

ZOOM = 0.12
"""How far a film without a last frame has moved in at its end, as a share of its width."""
TINT = (255, 170, 90)
TINT_SHARE = 0.25
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


def gradient(seed: str, size: Size) -> Picture:
    """Two colours that a text decides, one fading into the other from top to bottom."""
    digest = hashlib.sha256(seed.encode()).digest()
    top, bottom = tuple(byte // 2 for byte in digest[:3]), tuple(64 + b // 2 for b in digest[3:6])
    return ImageOps.colorize(Image.linear_gradient("L"), top, bottom).resize(size)


def card(text: str, size: Size) -> Picture:
    """A text in readable letters over a gradient of its own."""
    picture = gradient(text, size)
    width, height = size
    letters = max(12, min(size) // 16)
    font = ImageFont.load_default(letters)
    lines = textwrap.wrap(text, max(8, int(width * 1.5 / letters)))
    room = max(1, int(height * 0.6 / (letters * 1.3)))
    shown = [*lines[: room - 1], "…"] if len(lines) > room else lines
    ImageDraw.Draw(picture).multiline_text(
        (width // 2, height // 2),
        "\n".join(shown),
        font=font,
        fill="white",
        anchor="mm",
        align="center",
        stroke_width=max(1, letters // 16),
        stroke_fill="black",
    )
    return picture


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


def with_bar(picture: Picture, share: float) -> Picture:
    """A copy with a bar along the bottom, `share` of the width long."""
    frame = picture.copy()
    width, height = frame.size
    bar = max(4, height // 40)
    box = (0, height - bar, max(1, round(width * share)) - 1, height - 1)
    ImageDraw.Draw(frame).rectangle(box, fill="white")
    return frame


def drift(picture: Picture, share: float) -> Picture:
    """The picture moved in and warmed a little; at share 0 the picture itself."""
    width, height = picture.size
    x, y = width * ZOOM * share / 2, height * ZOOM * share / 2
    box = (x, y, width - x, height - y)
    moved = picture.resize(picture.size, Image.Resampling.BILINEAR, box=box)
    return Image.blend(moved, Image.new("RGB", picture.size, TINT), TINT_SHARE * share)


class Frames:
    """The frames of one film by how far into it they are, from 0 to 1."""

    def __init__(self, first: Picture, last: Picture | None, *, captioned: bool) -> None:
        self._first = first
        self._last = last
        self._captioned = captioned

    def at(self, share: float) -> Picture:
        """A cross-fade, a drift, or a text with a progress bar."""
        if self._last is not None:
            return Image.blend(self._first, self._last, share)
        if self._captioned:
            return with_bar(self._first, share)
        return drift(self._first, share)


def still(source: Source, size: Size) -> Picture:
    """The picture of a source, fitted; one without bytes is drawn from its URL."""
    if source.data is None:
        return card(source.url, size)
    if source.role == "extend":
        return cover(last_picture(source.data), size)
    return cover(read(source.data), size)


def frames_of(clip: Clip) -> Frames:
    """How the clip's frames are made."""
    size = (clip.width, clip.height)

    def stills(*roles: Role) -> list[Picture]:
        return [still(source, size) for source in clip.sources if source.role in roles]

    first, last = stills("first", "extend"), stills("last")
    if not first:
        first = [with_references(card(clip.caption, size), stills("reference"))]
    captioned = not clip.sources or clip.sources[0].role == "reference"
    return Frames(first[0], last[0] if last else None, captioned=captioned)


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
