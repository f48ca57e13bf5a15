"""A program: `python -m gateway.frames.cut FILM first|last OUT.png`.

Exits with 0 when the picture is written, else with a line on stderr that says why: with 3
when the picture is fine but cannot be written, with 1 when there is none.
It takes limits upon itself before it reads a byte of the film, imports nothing of the
gateway, and opens nothing but the film and the picture.
"""

from __future__ import annotations

import io
import logging
import resource
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream
    from PIL.Image import Image

MEMORY: Final = 2 * 1024**3
"""Bytes of address space: the libraries alone map half a gigabyte."""
CPU_SECONDS: Final = 55
MAX_OUTPUT: Final = 256 * 1024**2
MAX_PIXELS: Final = 4096 * 4096

LENIENT: Final[dict[str, Any]] = {"metadata_errors": "replace"}
"""What PyAV has to be told before 19; from then on it is so, and cannot be told."""

NOT_WRITTEN: Final = 3

USAGE: Final = "usage: python -m gateway.frames.cut FILM first|last OUT.png"


class Unusable(Exception):  # noqa: N818 - a verdict
    """The film has no such picture."""


def limit() -> None:
    """Take no more of the machine than this, whatever the film says."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, MAX_OUTPUT),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (least, least))


def container_format(head: bytes) -> str:
    """The one demuxer that may read the film: some others open files and addresses."""
    if head[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}:
        return "mov"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    raise Unusable("it is neither an MP4, a QuickTime nor a WebM film")


def still(film: BinaryIO, which: str) -> VideoFrame:
    """The first or the last picture of the film, in the order they are shown."""
    with _opened(film) as container:
        stream = next(iter(container.streams.video), None)
        if stream is None:
            raise Unusable("it has no pictures")
        # One thread: their memory counts, and several would each hold pictures.
        stream.thread_type = "NONE"
        stream.thread_count = 1
        picture = _first(container, stream) if which == "first" else _last(container, stream)
    if picture is None:
        raise Unusable("none of its pictures can be decoded")
    return picture


def _opened(film: BinaryIO) -> InputContainer:
    """The film to be read; texts in it need not be such."""
    import av  # noqa: PLC0415 - after the limits are in force

    kind = container_format(film.read(12))
    film.seek(0)
    try:
        return av.open(film, "r", format=kind)
    except UnicodeDecodeError:
        film.seek(0)
        opened: InputContainer = av.open(film, "r", format=kind, **LENIENT)
        return opened


def _pictures(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    for picture in container.decode(stream):
        if picture.width * picture.height > MAX_PIXELS:
            raise Unusable(f"its pictures are {picture.width}x{picture.height} pixels")
        yield picture


def _first(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    return next(_pictures(container, stream), None)


def _last(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    """From the last key frame on; all of it, where that leads nowhere."""
    import av  # noqa: PLC0415 - see above

    for end in (stream.duration, None):
        if end is not None:
            try:
                container.seek((stream.start_time or 0) + end, stream=stream, backward=True)
            except av.FFmpegError:
                continue
        else:
            container.seek(0, backward=True)
        last = None
        for picture in _pictures(container, stream):
            last = picture
        if last is not None:
            return last
    return None


def write(out: str, picture: memoryview) -> int:
    """Write the picture; the exit status."""
    try:
        with open(out, "wb") as file:  # noqa: PTH123 - see below
            file.write(picture)
    except OSError as error:
        sys.stderr.write(f"{error.strerror}\n")
        return NOT_WRITTEN
    return 0


def main(arguments: list[str]) -> int:
    """Run; the exit status."""
    if len(arguments) != 3 or arguments[1] not in {"first", "last"}:  # noqa: PLR2004 - see USAGE
        sys.stderr.write(f"{USAGE}\n")
        return 2
    film, which, out = arguments
    limit()
    # Decoders grumble about much that does not matter.
    logging.disable()
    try:
        with open(film, "rb") as file:  # noqa: PTH123 - nothing more is imported than is needed
            picture = still(file, which)
        image: Image = picture.to_image()  # type: ignore[no-untyped-call]
        # Into memory first: so a full disk is told from a film that cannot be used.
        encoded = io.BytesIO()
        image.save(encoded, "PNG", compress_level=6)
    except Unusable as error:
        told = str(error)
    except MemoryError:
        told = "it takes too much memory to decode"
    except Exception as error:  # noqa: BLE001 - whatever the libraries make of it
        # Not the whole text: it names files of ours.
        told = getattr(error, "strerror", None) or type(error).__name__
    else:
        return write(out, encoded.getbuffer())
    sys.stderr.write(f"{told}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
