import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mockserver.media import png
from tests.mockserver.drivers import png as square

MODES = ["L", "LA", "RGB", "RGBA", "P"]


def packed(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def lines_of(picture: Image.Image) -> list[bytes]:
    data, size = picture.tobytes(), picture.width * 3
    return [data[at : at + size] for at in range(0, len(data), size)]


@given(st.integers(1, 9), st.integers(1, 9), st.randoms(use_true_random=False))
def test_what_is_written_is_read_back_by_others(width: int, height: int, chance: object) -> None:
    assert hasattr(chance, "randbytes")
    picture = Image.frombytes("RGB", (width, height), chance.randbytes(width * height * 3))
    lines = [line for line in lines_of(picture) for _ in range(2)]
    read = Image.open(io.BytesIO(png.write(lines, width, height * 2)))

    assert read.tobytes() == b"".join(lines)


@pytest.mark.parametrize("mode", MODES)
def test_pictures_of_any_kind_give_their_pixels(mode: str) -> None:
    picture = Image.open(io.BytesIO(square("teal", (40, 30)))).convert(mode)
    pixels = png.read(packed(picture))

    shown = picture.convert("RGB")
    assert (pixels.width, pixels.height) == (40, 30)
    for at in ((0, 0), (39, 29), (9, 7), (10, 7)):
        assert pixels.at(*at) == shown.getpixel(at)


def filtered(kind: int, lines: list[bytes], samples: int) -> bytes:
    """Lines with a filter applied, by the formulas of the standard."""
    out, above = b"", bytes(len(lines[0]))
    for line in lines:
        out += bytes([kind])
        for at, value in enumerate(line):
            left = line[at - samples] if at >= samples else 0
            corner = above[at - samples] if at >= samples else 0
            near = sorted(
                (left, above[at], corner), key=lambda one: abs(left + above[at] - corner - one)
            )
            foretold = (0, left, above[at], (left + above[at]) // 2, near[0])[kind]
            out += bytes([(value - foretold) % 256])
        above = line
    return out


def with_data(data: bytes, *, interlace: int = 0) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + b"\0\0\0\0"

    header = struct.pack(">IIBBBBB", 7, 5, 8, 2, 0, 0, interlace)
    packed_data = zlib.compress(data)
    half = len(packed_data) // 2
    parts = (
        chunk(b"IHDR", header),
        chunk(b"IDAT", packed_data[:half]),
        chunk(b"IDAT", packed_data[half:]),
    )
    return png.SIGNATURE + b"".join(parts)


@pytest.mark.parametrize("kind", range(5))
def test_every_filter_is_undone(kind: int) -> None:
    lines = [bytes((x * 37 + y * 101 + x * y) % 256 for x in range(21)) for y in range(5)]

    assert png.read(with_data(filtered(kind, lines, 3))).lines == lines


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        png.SIGNATURE,
        with_data(b""),
        with_data(bytes([5]) + bytes(21) * 5 + bytes(4)),
        with_data((bytes([1]) + bytes(21)) * 5, interlace=1),
        square("red")[:60],
    ],
)
def test_what_cannot_be_read_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        png.read(data)


def test_a_picture_that_would_take_long_is_refused_before_it_does() -> None:
    picture = Image.effect_noise((900, 900), 90).convert("RGB")

    with pytest.raises(ValueError, match=r"too long"):
        png.read(packed(picture))


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reading(data: bytes) -> None:
    for start in (b"", png.SIGNATURE, square("red")[:45]):
        try:
            png.read(start + data)
        except ValueError:
            continue
