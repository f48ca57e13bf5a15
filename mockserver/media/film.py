"""H.264 in MP4: written and read. The only module that imports PyAV at the top."""

import io
import tempfile
from collections.abc import Iterable
from pathlib import Path

import av
import av.error
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

FPS = 5
"""Enough to see a film move; a test pays for every frame."""
BT709 = 1
OPTIONS = {"preset": "ultrafast", "crf": "20", "threads": "1"}


def write(pictures: Iterable[Image.Image], size: tuple[int, int]) -> bytes:
    """An MP4 of the pictures, `FPS` to the second, its index in front.

    It goes by way of a file: the muxer that moves the index to the front opens its output anew.
    """
    with tempfile.TemporaryDirectory(prefix="filmgate-mock-") as folder:
        path = Path(folder) / "film.mp4"
        with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
            stream = container.add_stream("libx264", rate=FPS, options=OPTIONS)
            stream.width, stream.height = size
            stream.pix_fmt = "yuv420p"
            context = stream.codec_context
            context.colorspace = context.color_primaries = context.color_trc = BT709
            context.color_range = ColorRange.MPEG
            for picture in pictures:
                frame = av.VideoFrame.from_image(picture).reformat(  # type: ignore[no-untyped-call]
                    format="yuv420p",
                    dst_colorspace=Colorspace.ITU709,
                    dst_color_range=ColorRange.MPEG,
                )
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path.read_bytes()


def picture_of(frame: av.VideoFrame) -> Image.Image:
    """A decoded frame in RGB."""
    picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
    return picture


def pictures_of(data: bytes) -> Iterable[Image.Image]:
    """Every picture of a film, in order."""
    with av.open(io.BytesIO(data), "r") as container:
        for frame in container.decode(video=0):
            yield picture_of(frame)


def last_picture(data: bytes) -> Image.Image:
    """The last decoded picture.

    Raises:
        ValueError: the bytes hold no picture.
    """
    last = None
    try:
        with av.open(io.BytesIO(data), "r") as container:
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
        with av.open(io.BytesIO(data), "r") as container:
            context = container.streams.video[0].codec_context
            found = (context.width, context.height)
    except (av.error.FFmpegError, IndexError):
        return None
    return found if min(found) > 0 else None
