"""What a picture or a video is, read from its first bytes and headers. Nothing is decoded.

Headers are claims: a file may lie about itself. They are enough to refuse what a provider
would refuse, at a cost that no file can drive up.
"""

from collections.abc import Iterator
from io import SEEK_END, BytesIO
from typing import BinaryIO, Final, NamedTuple

import imagesize
import msgspec

SNIFF_BYTES: Final = 64
"""How much of a file's head `sniff` wants to see."""
MAX_PICTURE_BYTES: Final = 20_000_000
MAX_PICTURE_SIDE: Final = 4000
"""Pixels. Providers refuse pictures above these two; callers compare before spending."""

MAX_BOXES: Final = 10_000
"""Boxes looked at in one MP4 file; a real one has its facts among the first few hundred."""
MAX_DURATION_MS: Final = 24 * 60 * 60 * 1000
"""A longer clip is taken for a broken header."""

_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_MP4_BRANDS: Final = (b"iso", b"mp4", b"avc", b"M4V", b"MSNV", b"dash", b"cmf", b"f4v", b"3g")
# Sound, HEIC and AVIF live in the same container and may call themselves compatible.
_OTHER_BRANDS: Final = (b"M4A", b"M4B", b"hei", b"hevc", b"hevx", b"avi", b"mif1", b"msf1")
_HEADER_SCAN: Final = 2_000_000
"""Bytes of a picture's head in which its size must be found."""


class NotMedia(Exception):  # noqa: N818 - a verdict on a file, not a mishap
    """The bytes are not the picture or video they should be; the message says what is wrong."""


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A picture's facts. `width` and `height` are pixels, as shown (EXIF turns included)."""

    media_type: str
    width: int
    height: int


class Video(msgspec.Struct, frozen=True, kw_only=True):
    """A video's facts. `width` and `height` are pixels before any turn the player makes.

    `duration_ms` is 0 where the header does not tell, as in live-style (fragmented) files.
    """

    duration_ms: int
    width: int
    height: int


def sniff(head: bytes) -> str | None:
    """The media type that a file's first bytes (`SNIFF_BYTES` of them) betray, if any."""
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    # Matroska has the same start as WebM; only the document type (id 4282, 4 bytes) differs.
    if head.startswith(b"\x1a\x45\xdf\xa3") and b"\x42\x82\x84webm" in head[:SNIFF_BYTES]:
        return "video/webm"
    return _sniff_brands(head) if head[4:8] == b"ftyp" else None


def picture_facts(data: bytes) -> Picture:
    """Type and size of a PNG, JPEG, WebP or GIF picture, from its headers alone.

    Films are looked for before pictures, so whatever is no picture here is no film either.

    Raises:
        NotMedia: It is none of these, or its header tells no size.
    """
    media_type = sniff(data[:SNIFF_BYTES])
    if media_type is None or not media_type.startswith("image/"):
        raise NotMedia(
            "neither a picture (PNG, JPEG, WebP or GIF) nor a film (MP4, QuickTime or WebM)"
        )
    # A file object, for imagesize takes bytes for a path. It answers -1 to whatever it
    # cannot read and may walk a hostile file byte by byte: hence only a part of it.
    width, height = imagesize.get(BytesIO(data[:_HEADER_SCAN]))
    if width < 1 or height < 1:
        raise NotMedia(f"the {media_type} header is broken or tells no size")
    return Picture(media_type=media_type, width=int(width), height=int(height))


def video_facts(file: BinaryIO) -> Video:
    """Duration and size of an MP4 or QuickTime video, wherever in the file its header is.

    Args:
        file: Seekable; read in small pieces, its position afterwards is arbitrary.

    Raises:
        NotMedia: It is no such file, is cut short, or its header makes no sense.
    """
    reader = _Reader(file)
    movie: _Box | None = None
    for box in reader.boxes(0, reader.size):
        if box.kind == b"moov":
            movie = box
            break
    if movie is None:
        raise NotMedia("no movie header (moov) in the file")
    duration_ms: int | None = None
    size: tuple[int, int] | None = None
    for box in reader.inside(movie):
        if box.kind == b"mvhd":
            duration_ms = _duration_ms(reader, box)
        elif box.kind == b"trak" and size is None:
            size = _video_size(reader, box)
    if duration_ms is None:
        raise NotMedia("the movie header has no duration (mvhd)")
    if size is None:
        raise NotMedia("no video track in the file")
    return Video(duration_ms=duration_ms, width=size[0], height=size[1])


def _sniff_brands(head: bytes) -> str | None:
    end = min(int.from_bytes(head[:4]), len(head))
    major = head[8:12]
    if major == b"qt  ":
        return "video/quicktime"
    if major.startswith(_OTHER_BRANDS):
        return None
    compatible = (head[at : at + 4] for at in range(16, end - 3, 4))
    films = any(brand.startswith(_MP4_BRANDS) for brand in (major, *compatible))
    return "video/mp4" if films else None


class _Box(NamedTuple):
    """A box of the container: its contents are the bytes from `start` up to `end`."""

    kind: bytes
    start: int
    end: int


class _Reader:
    """Reads boxes out of a file, never beyond its end and never too many of them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = MAX_BOXES
        self.size = file.seek(0, SEEK_END)

    def bytes_at(self, at: int, count: int, end: int) -> bytes:
        """`count` bytes from `at`, which must lie before `end`."""
        if at + count > end:
            raise NotMedia("a box is too short for what it should hold")
        self._file.seek(at)
        data = self._file.read(count)
        if len(data) != count:
            raise NotMedia("the file ends inside a box")
        return data

    def boxes(self, start: int, end: int) -> Iterator[_Box]:
        """The boxes that fill the bytes from `start` up to `end`."""
        while start < end:
            self._left -= 1
            if self._left < 0:
                raise NotMedia(f"more than {MAX_BOXES} boxes")
            head = self.bytes_at(start, 8, end)
            size, kind, body = int.from_bytes(head[:4]), head[4:], start + 8
            if size == 1:
                size = int.from_bytes(self.bytes_at(body, 8, end))
                body += 8
            elif size == 0:
                size = end - start
            if size < body - start:
                raise NotMedia("a box claims to be smaller than its own head")
            if start + size > end:
                raise NotMedia("a box claims more bytes than there are: cut short?")
            yield _Box(kind, body, start + size)
            start += size

    def inside(self, box: _Box) -> Iterator[_Box]:
        """The boxes that a box contains."""
        return self.boxes(box.start, box.end)

    def versioned(self, box: _Box, *, old: int, new: int) -> tuple[bool, bytes]:
        """A box whose version 1 has wide times: (is it wide, its first `old` or `new` bytes)."""
        version = self.bytes_at(box.start, 1, box.end)[0]
        if version > 1:
            raise NotMedia(f"a box of unknown version {version}")
        return version == 1, self.bytes_at(box.start, new if version else old, box.end)


def _duration_ms(reader: _Reader, mvhd: _Box) -> int:
    wide, data = reader.versioned(mvhd, old=20, new=32)
    ticks_per_second = int.from_bytes(data[20:24] if wide else data[12:16])
    field = data[24:32] if wide else data[16:20]
    if ticks_per_second == 0:
        raise NotMedia("the movie's clock stands still (timescale 0)")
    if field == b"\xff" * len(field):
        return 0
    duration_ms = round(int.from_bytes(field) * 1000 / ticks_per_second)
    if duration_ms > MAX_DURATION_MS:
        raise NotMedia("the movie claims to last more than a day")
    return duration_ms


def _video_size(reader: _Reader, trak: _Box) -> tuple[int, int] | None:
    """A track's picture size, None if it is sound or text."""
    size: tuple[int, int] | None = None
    is_video = False
    for box in reader.inside(trak):
        if box.kind == b"tkhd":
            _, data = reader.versioned(box, old=84, new=96)
            # Both are fixed-point: 16 bits of whole pixels, 16 of fractions.
            size = int.from_bytes(data[-8:-6]), int.from_bytes(data[-4:-2])
        elif box.kind == b"mdia":
            is_video = any(
                part.kind == b"hdlr" and reader.bytes_at(part.start + 8, 4, part.end) == b"vide"
                for part in reader.inside(box)
            )
    if not is_video:
        return None
    if size is None or 0 in size:
        raise NotMedia("the video track tells no size")
    return size
