"""What a film says of itself, read without a decoder: its shape, and whose pictures it holds."""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from mockserver.media.notes import Note, note_in

_HEADER: Final = 8
_LONG_HEADER: Final = 16
_ENTRY: Final = 78
"""Bytes of a visual sample entry before its own boxes."""
_SCALE_AT: Final = (12, 20)
"""Where a media header has its ticks a second, by its version."""
_HANDLER_AT: Final = 8
_SIZE_AT: Final = 24


class Film(NamedTuple):
    """A film as its index and its pictures' notes tell of it."""

    width: int
    height: int
    seconds: float
    pictures: tuple[Note | None, ...]
    """One for each picture, in order; None for one that has no note."""
    faststart: bool
    """The index is in front, so that it can be played before all of it is there."""

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes in order."""
        return tuple(note for note in self.pictures if note is not None)


class Box(NamedTuple):
    """A box of an MP4 by its places in the data."""

    kind: bytes
    start: int
    content: int
    """Where its content begins."""
    end: int


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes one after the other; the last one may claim to end beyond the data.

    Raises:
        ValueError: something there is no box.
    """
    end = len(data) if end is None else end
    while start < end:
        if end - start < _HEADER:
            raise ValueError(f"bytes {start} to {end} are no box")
        size, kind = struct.unpack_from(">I4s", data, start)
        content = start + _HEADER
        if size == 1 and end - start >= _LONG_HEADER:
            size, content = int.from_bytes(data[content : content + 8]), start + _LONG_HEADER
        elif size == 0:
            size = end - start
        if size < content - start:
            raise ValueError(f"the box at byte {start} is shorter than its header")
        yield Box(kind, start, content, start + size)
        start += size


def read(data: bytes) -> Film:
    """An MP4 that is there as a whole.

    Raises:
        ValueError: it is none; the message says why.
    """
    try:
        track = _video_track(data)
        pictures = tuple(track.notes())
        width, height = track.size
        return Film(width, height, track.seconds, pictures, _is_faststart(data))
    except struct.error as cause:
        raise ValueError(f"its index is damaged: {cause}") from cause


def size(data: bytes) -> tuple[int, int] | None:
    """Width and height as the index says; None when there is none that does."""
    try:
        found = _video_track(data).size
    except (ValueError, struct.error):
        return None
    return found if min(found) > 0 else None


def _is_faststart(data: bytes) -> bool:
    order = [box.kind for box in boxes(data) if box.kind in {b"moov", b"mdat"}]
    return order[:1] == [b"moov"]


def _child(data: bytes, parent: Box, *path: bytes) -> Box:
    """The first box of that path below a box.

    Raises:
        ValueError: there is none.
    """
    for kind in path:
        inside = boxes(data, parent.content, min(parent.end, len(data)))
        found = next((box for box in inside if box.kind == kind), None)
        if found is None:
            raise ValueError(f"its index has no {kind.decode()!r} box")
        parent = found
    return parent


def _video_track(data: bytes) -> "_Track":
    """The first track of pictures.

    Raises:
        ValueError: there is none.
    """
    if not data:
        raise ValueError("it is empty")
    if data[4:8] not in {b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"}:
        raise ValueError("it is no MP4")
    movie = next((box for box in boxes(data) if box.kind == b"moov"), None)
    if movie is None or movie.end > len(data):
        raise ValueError("it has no index" if movie is None else "its index is cut off")
    for box in boxes(data, movie.content, movie.end):
        if box.kind == b"trak":
            media = _child(data, box, b"mdia")
            at = _child(data, media, b"hdlr").content + _HANDLER_AT
            if data[at : at + 4] == b"vide":
                return _Track(data, media)
    raise ValueError("it has no track of pictures")


class _Track:
    """A track of pictures in an index."""

    def __init__(self, data: bytes, media: Box) -> None:
        self._data = data
        self._media = media
        self._table = _child(data, media, b"minf", b"stbl")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what is shown."""
        entry = self._entry()
        width, height = struct.unpack_from(">2H", self._data, entry.content + _SIZE_AT)
        return width, height

    @property
    def seconds(self) -> float:
        """How long its pictures are shown."""
        header = _child(self._data, self._media, b"mdhd").content
        late = self._data[header] == 1
        at = header + _SCALE_AT[late]
        scale = int.from_bytes(self._data[at : at + 4])
        if not scale:
            raise ValueError("its index knows no time")
        durations = self._rows(b"stts", 2)
        return sum(count * each for count, each in durations) / scale

    def notes(self) -> Iterator[Note | None]:
        """What each picture says of itself."""
        length = self._length_size()
        for number, (at, size) in enumerate(self._samples(), 1):
            if at + size > len(self._data):
                raise ValueError(f"it is cut off at its picture {number}")
            yield note_in(_units(self._data[at : at + size], length)) if length else None

    def _entry(self) -> Box:
        description = _child(self._data, self._table, b"stsd")
        entry = next(boxes(self._data, description.content + 8, description.end), None)
        if entry is None:
            raise ValueError("its index does not say what its pictures are")
        return entry

    def _length_size(self) -> int:
        """How many bytes the length of a NAL unit takes; 0 when it is no H.264."""
        entry = self._entry()
        if entry.kind not in {b"avc1", b"avc3"}:
            return 0
        config = _child(self._data, entry._replace(content=entry.content + _ENTRY), b"avcC")
        return (self._data[config.content + 4] & 3) + 1

    def _samples(self) -> Iterator[tuple[int, int]]:
        """Where each picture is and how many bytes it has."""
        sizes = self._sizes()
        chunks = self._chunks()
        runs = self._rows(b"stsc", 3)
        for number, (first, count, _) in enumerate(runs):
            until = runs[number + 1][0] if number + 1 < len(runs) else len(chunks) + 1
            for at in chunks[first - 1 : until - 1]:
                for _ in range(count):
                    size = next(sizes, None)
                    if size is None:
                        return
                    yield at, size
                    at += size  # noqa: PLW2901 - the next picture of the chunk follows it

    def _sizes(self) -> Iterator[int]:
        at = _child(self._data, self._table, b"stsz").content
        each, count = struct.unpack_from(">2I", self._data, at + 4)
        if each:
            yield from (each for _ in range(count))
        else:
            yield from struct.unpack_from(f">{count}I", self._data, at + 12)

    def _chunks(self) -> list[int]:
        try:
            return [at for (at,) in self._rows(b"stco", 1)]
        except ValueError:
            pairs = self._rows(b"co64", 2)
            return [(high << 32) + low for high, low in pairs]

    def _rows(self, kind: bytes, columns: int) -> list[tuple[int, ...]]:
        """The rows of a table of numbers."""
        at = _child(self._data, self._table, kind).content
        (count,) = struct.unpack_from(">I", self._data, at + 4)
        end = at + 8 + 4 * columns * count
        if end > len(self._data):
            raise ValueError(f"its table {kind.decode()!r} is cut off")
        return list(struct.iter_unpack(f">{columns}I", self._data[at + 8 : end]))


def _units(sample: bytes, length: int) -> Iterator[bytes]:
    """The NAL units of a picture."""
    at = 0
    while at + length <= len(sample):
        size = int.from_bytes(sample[at : at + length])
        yield sample[at + length : at + length + size]
        at += length + size
