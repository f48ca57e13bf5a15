"""PNG by zlib alone: written from lines of RGB, read where that is quick."""

import struct
import zlib
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final, NamedTuple

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
MOST_PIXELS: Final = 1 << 22
MOST_FILTERED: Final = 1 << 19
"""Bytes that are worth the trouble: undoing the filters of so many takes a tenth of a second."""

_NONE, _SUB, _UP, _AVERAGE, _PAETH = range(5)
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples a pixel by colour type."""
_PALETTE: Final = 3
_GREY_SAMPLES: Final = 2
"""Colour types with so many samples or fewer are grey."""


def write(lines: Iterable[bytes], width: int, height: int) -> bytes:
    """A PNG of lines of RGB; a line that repeats the one above it costs next to nothing."""
    same = bytes([_UP]) + bytes(width * 3)
    packer = zlib.compressobj(1)
    packed, above = [], None
    for line in lines:
        packed.append(packer.compress(same if line == above else bytes([_NONE]) + line))
        above = line
    packed.append(packer.flush())
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", b"".join(packed)), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    body = name + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


class Pixels(NamedTuple):
    """A picture that was read."""

    width: int
    height: int
    lines: list[bytes]
    samples: int
    palette: bytes

    def at(self, x: int, y: int) -> tuple[int, int, int]:
        """The RGB of a pixel, whatever its opacity.

        Raises:
            IndexError: the palette has no such colour.
        """
        pixel = self.lines[y][x * self.samples : (x + 1) * self.samples]
        if self.palette:
            pixel = self.palette[pixel[0] * 3 : pixel[0] * 3 + 3]
        elif self.samples <= _GREY_SAMPLES:
            pixel = pixel[:1] * 3
        return pixel[0], pixel[1], pixel[2]


def read(data: bytes) -> Pixels:
    """A picture of 8 bits a sample, not interlaced.

    Raises:
        ValueError: it is no such picture, or takes too long to read.
    """
    parts: dict[bytes, bytes] = {}
    for name, content in _chunks(data):
        parts[name] = parts.get(name, b"") + content
    try:
        header = struct.unpack(">IIBBBBB", parts[b"IHDR"])
        width, height, depth, kind, *rest = header
        samples = _CHANNELS[kind]
        if depth != 8 or any(rest) or not 0 < width * height <= MOST_PIXELS:  # noqa: PLR2004
            raise ValueError("a picture of another kind or size")
        size = (width * samples + 1) * height
        raw = zlib.decompressobj().decompress(parts[b"IDAT"], size)
    except (KeyError, struct.error, zlib.error) as cause:
        raise ValueError(f"no picture: {cause!r}") from cause
    if len(raw) < size:
        raise ValueError("the picture is not whole")
    palette = parts.get(b"PLTE", b"") if kind == _PALETTE else b""
    return Pixels(width, height, list(_unfiltered(raw, width * samples, samples)), samples, palette)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not data.startswith(SIGNATURE):
        raise ValueError("not a PNG")
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        at += size + 12


def _unfiltered(raw: bytes, size: int, samples: int) -> Iterator[bytes]:
    """The lines of a picture without their filters (PNG, 9.2)."""
    empty = above = bytes(size)
    filtered = 0
    for start in range(0, len(raw), size + 1):
        kind, line = raw[start], raw[start + 1 : start + 1 + size]
        if kind == _NONE or (kind == _UP and line == empty):
            above = line if kind == _NONE else above
            yield above
            continue
        filtered += size
        if filtered > MOST_FILTERED:
            raise ValueError("a picture that takes too long to read")
        if kind == _SUB:
            sums = bytearray(size)
            for channel in range(samples):
                added = accumulate(line[channel::samples], lambda a, b: (a + b) & 255)
                sums[channel::samples] = bytes(added)
            line = bytes(sums)
        elif kind == _UP:
            line = bytes([(a + b) & 255 for a, b in zip(line, above, strict=True)])
        elif kind in {_AVERAGE, _PAETH}:
            line = _slowly(line, above, samples, paeth=kind == _PAETH)
        else:
            raise ValueError("a filter that does not exist")
        yield line
        above = line


def _slowly(line: bytes, above: bytes, samples: int, *, paeth: bool) -> bytes:
    """A line each of whose bytes was foretold from those to its left and above."""
    done = bytearray(samples)
    corners = bytes(samples) + above
    for at, value in enumerate(line):
        left, top = done[at], above[at]
        if paeth:
            corner = corners[at]
            off_left, off_top = abs(top - corner), abs(left - corner)
            off_corner = abs(left + top - 2 * corner)
            if off_left <= off_top and off_left <= off_corner:
                foretold = left
            else:
                foretold = top if off_top <= off_corner else corner
        else:
            foretold = (left + top) >> 1
        done.append((value + foretold) & 255)
    return bytes(done[samples:])
