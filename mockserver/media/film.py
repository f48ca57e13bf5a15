"""H.264 by libx264, and films decoded. The only module that imports PyAV at the top."""

import io
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any, Final

import av
import av.error
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from mockserver.media import mp4, notes
from mockserver.media.bits import units_of
from mockserver.media.clip import FPS

Planes = tuple[Image.Image, Image.Image, Image.Image]
"""Y, Cb and Cr by BT.709 in limited range, the latter two at half the width and height."""
Size = tuple[int, int]

BT709: Final = 1
OPTIONS: Final = {
    "preset": "ultrafast",
    "profile": "baseline",
    "crf": "18",
    "threads": "1",
    # In a fade nothing is found again where it was: looking for it costs time and room.
    "g": "1",
}
_TYPE_BITS: Final = 0x1F
_LENIENT: Final[dict[str, Any]] = {"metadata_errors": "replace"}
"""What PyAV has to be told before 19; from then on it is so, and cannot be told."""


def planes_of(picture: Image.Image) -> Planes:
    """A picture as H.264 wants it; an odd side gets a pixel more, as 4:2:0 knows no half."""
    width, height = picture.size
    even = width + width % 2, height + height % 2
    whole = picture if picture.size == even else picture.crop((0, 0, *even))
    frame = av.VideoFrame.from_image(whole).reformat(  # type: ignore[no-untyped-call]
        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
    )
    luma, blue, red = (
        Image.frombytes(
            "L", (plane.width, plane.height), bytes(plane), "raw", "L", plane.line_size, 1
        )
        for plane in frame.planes
    )
    return luma, blue, red


def write(pictures: Iterable[Planes], size: Size, tags: Sequence[notes.Note]) -> bytes:
    """An MP4 of the pictures, `FPS` to the second, its index in front, each with its note."""
    samples = []
    for units, tag in zip(_encoded(pictures), tags, strict=True):
        # The encoder's own user data only say which encoder it was.
        *sets, picture = (one for one in units if one[0] & _TYPE_BITS != notes.SEI)
        samples.append([*sets, notes.unit(tag), picture])
    return mp4.write(samples, size, FPS)


def _encoded(pictures: Iterable[Planes]) -> Iterator[list[bytes]]:
    """The NAL units of each picture."""
    context = None
    for number, planes in enumerate(pictures):
        if context is None:
            context = _encoder(planes[0].size)
        frame = av.VideoFrame(*planes[0].size, "yuv420p")
        for plane, values in zip(frame.planes, planes, strict=True):
            plane.update(values.tobytes("raw", "L", plane.line_size))
        frame.pts = number
        yield from (units_of(bytes(packet)) for packet in context.encode(frame))
    if context is not None:
        yield from (units_of(bytes(packet)) for packet in context.encode(None))


def _encoder(size: Size) -> VideoCodecContext:
    context = VideoCodecContext.create("libx264", "w")
    context.width, context.height = size
    context.pix_fmt = "yuv420p"
    context.time_base, context.framerate = Fraction(1, FPS), Fraction(FPS)
    context.options = OPTIONS
    context.colorspace = context.color_primaries = context.color_trc = BT709
    context.color_range = ColorRange.MPEG
    return context


def _opened(data: bytes) -> InputContainer:
    """A film to be read; texts in it need not be such."""
    try:
        return av.open(io.BytesIO(data), "r")
    except UnicodeDecodeError:
        opened: InputContainer = av.open(io.BytesIO(data), "r", **_LENIENT)
        return opened


def picture_of(frame: av.VideoFrame) -> Image.Image:
    """A decoded frame in RGB."""
    picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
    return picture


def pictures_of(data: bytes) -> Iterator[Image.Image]:
    """Every picture of a film, in order."""
    with _opened(data) as container:
        for frame in container.decode(video=0):
            yield picture_of(frame)


def last_picture(data: bytes) -> Image.Image:
    """The last decoded picture.

    Raises:
        ValueError: the bytes hold no picture.
    """
    last = None
    try:
        with _opened(data) as container:
            for last in container.decode(video=0):  # noqa: B007
                pass
    except (av.error.FFmpegError, IndexError) as cause:
        raise ValueError(f"no film: {cause}") from cause
    if last is None:
        raise ValueError("no film: it has no pictures")
    return picture_of(last)


def fault(data: bytes) -> str | None:
    """Why the bytes are no film; None when they are one."""
    try:
        last_picture(data)
    except ValueError as cause:
        return f"is not a readable video: {cause}"
    return None


def size(data: bytes) -> tuple[int, int] | None:
    """Width and height as the header says; None when the bytes are no film."""
    try:
        with _opened(data) as container:
            # Without a codec, as of a damaged header, there is no context, whatever its type says.
            context: VideoCodecContext | None = container.streams.video[0].codec_context
            found = (context.width, context.height) if context else (0, 0)
    except (av.error.FFmpegError, IndexError):
        return None
    return found if min(found) > 0 else None
