"""MP4 written with its index in front (ISO/IEC 14496-12 and -15)."""

import struct
from collections.abc import Sequence
from typing import Final

from mockserver.media.h264 import IDR, PPS, SPS

_MOVIE_SCALE: Final = 1000
"""Ticks a second of the film as a whole."""
_TICK: Final = 6400
"""Ticks a picture lasts; `fps` times as many make a second of the track."""
_MATRIX: Final = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_TYPE_BITS: Final = 0x1F


def box(kind: str, *parts: bytes) -> bytes:
    """A box of boxes or of other content."""
    content = b"".join(parts)
    return struct.pack(">I4s", len(content) + 8, kind.encode()) + content


def _full(kind: str, *parts: bytes, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", flags), *parts)


def write(pictures: Sequence[Sequence[bytes]], size: tuple[int, int], fps: int) -> bytes:
    """A film of pictures in NAL units; the first of them bring the parameter sets.

    The sets stay in the stream as well: where films of two encoders are joined without being
    encoded anew, the second one's index is lost, and its pictures still decode.
    """
    samples = [b"".join(struct.pack(">I", len(one)) + one for one in units) for units in pictures]
    file_type = box("ftyp", b"isom", struct.pack(">I", 0x200), b"isomiso2avc1mp41")
    # The index is as long wherever the samples are, so it can be measured first.
    offset = len(file_type) + len(_index(pictures, samples, size, fps, 0)) + 8
    return file_type + _index(pictures, samples, size, fps, offset) + box("mdat", *samples)


def _index(
    pictures: Sequence[Sequence[bytes]],
    samples: Sequence[bytes],
    size: tuple[int, int],
    fps: int,
    offset: int,
) -> bytes:
    count = len(samples)
    length, scale = count * _TICK, fps * _TICK
    shown = length * _MOVIE_SCALE // scale
    width, height = size
    movie = struct.pack(">4IIH10x", 0, 0, _MOVIE_SCALE, shown, 0x10000, 0x100)
    track = struct.pack(">5I8x4H", 0, 0, 1, 0, shown, 0, 0, 0, 0)
    keys = [
        number
        for number, units in enumerate(pictures, 1)
        if any(one[0] & _TYPE_BITS == IDR & _TYPE_BITS for one in units)
    ]
    table = box(
        "stbl",
        _full("stsd", struct.pack(">I", 1), _entry(pictures[0], size)),
        _full("stts", struct.pack(">3I", 1, count, _TICK)),
        _full("stss", struct.pack(f">{len(keys) + 1}I", len(keys), *keys)),
        _full("stsc", struct.pack(">4I", 1, 1, count, 1)),
        _full("stsz", struct.pack(f">{count + 2}I", 0, count, *map(len, samples))),
        _full("stco", struct.pack(">2I", 1, offset)),
    )
    media = box(
        "mdia",
        _full("mdhd", struct.pack(">4I2H", 0, 0, scale, length, 0x55C4, 0)),
        _full("hdlr", struct.pack(">I4s12x", 0, b"vide"), b"VideoHandler\0"),
        box(
            "minf",
            _full("vmhd", bytes(8), flags=1),
            box("dinf", _full("dref", struct.pack(">I", 1), _full("url ", flags=1))),
            table,
        ),
    )
    return box(
        "moov",
        _full("mvhd", movie, _MATRIX, bytes(24), struct.pack(">I", 2)),
        box(
            "trak",
            _full("tkhd", track, _MATRIX, struct.pack(">2I", width << 16, height << 16), flags=3),
            media,
        ),
    )


def _entry(units: Sequence[bytes], size: tuple[int, int]) -> bytes:
    """The sample entry: size, parameter sets and colours."""
    sps, pps = (
        next(one for one in units if one[0] & _TYPE_BITS == kind & _TYPE_BITS)
        for kind in (SPS, PPS)
    )
    sets = (struct.pack(">BH", 0xE1, len(sps)), sps, struct.pack(">BH", 1, len(pps)), pps)
    shape = struct.pack(">6xH16x2H2I4xH32xHh", 1, *size, 72 << 16, 72 << 16, 1, 24, -1)
    return box(
        "avc1",
        shape,
        box("avcC", b"\x01", sps[1:4], b"\xff", *sets),
        box("colr", b"nclx", struct.pack(">3HB", 1, 1, 1, 0)),
    )
