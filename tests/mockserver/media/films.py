"""How tests look into films, and join them as a gateway does: without encoding anything anew."""

import builtins
import io
import sys
from collections.abc import Sequence
from fractions import Fraction
from random import Random
from typing import Any

import av
import msgspec
import pytest
from PIL import Image

from mockserver.media.clip import Clip, Source
from mockserver.media.h264 import SIDE
from mockserver.media.tiles import Board
from tests.mockserver.drivers import png

PLAIN = Clip(width=160, height=90, seconds=1, caption="dawn", job="job-1")
FIRST = Source(role="first", data=png("red", (200, 100)))
LAST = Source(role="last", data=png("blue", (100, 200)))

Planes = tuple[bytes, bytes, bytes]


def clip(**change: Any) -> Clip:
    return msgspec.structs.replace(PLAIN, **change)


def decoded(film: bytes) -> list[Planes]:
    """The planes of every picture of a film, line after line."""
    with av.open(io.BytesIO(film), "r") as container:
        return [_planes(frame) for frame in container.decode(video=0)]


def _planes(frame: av.VideoFrame) -> Planes:
    assert frame.format.name == "yuv420p"
    luma, blue, red = (
        b"".join(bytes(plane)[y * plane.line_size :][: plane.width] for y in range(plane.height))
        for plane in frame.planes
    )
    return luma, blue, red


def meant(board: Board) -> Planes:
    """The planes that a picture in tiles stands for."""
    width, height = board.width, board.height
    rows = [
        board.tiles[at : at + board.columns] for at in range(0, len(board.tiles), board.columns)
    ]

    def line(row: Sequence[Any], y: int) -> bytes:
        return b"".join(
            luma[y * SIDE :][:SIDE] if isinstance(luma, bytes) else bytes([luma]) * SIDE
            for luma, _, _ in row
        )[:width]

    def half(row: Sequence[Any], plane: int) -> bytes:
        return b"".join(bytes([tile[plane]]) * (SIDE // 2) for tile in row)[: -(-width // 2)]

    luma = [line(row, y) for row in rows for y in range(SIDE)][:height]
    blue, red = (
        [half(row, plane) for row in rows for _ in range(SIDE // 2)][: -(-height // 2)]
        for plane in (1, 2)
    )
    return b"".join(luma), b"".join(blue), b"".join(red)


def joined(*films: bytes, leave_out: Sequence[int] = ()) -> bytes:
    """The films end to end by stream copy, without the pictures of these numbers (from 1)."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4", options={"moov_size": "65536"}) as container:
        stream, number, shown = None, 0, 0
        for film in films:
            with av.open(io.BytesIO(film), "r") as source:
                (track,) = source.streams.video
                stream = stream or container.add_stream_from_template(track)
                for packet in source.demux(track):
                    if packet.dts is None:
                        continue
                    number += 1
                    if number in leave_out:
                        continue
                    assert packet.time_base is not None
                    packet.pts = packet.dts = int(Fraction(shown, 2) / packet.time_base)
                    packet.stream = stream
                    container.mux(packet)
                    shown += 1
    return out.getvalue()


def encoded_anew(film: bytes) -> bytes:
    """The film at 12 pictures a second, smaller, and by another encoder setting."""
    out = io.BytesIO()
    with (
        av.open(io.BytesIO(film), "r") as source,
        av.open(out, "w", format="mp4") as container,
    ):
        stream = container.add_stream("libx264", rate=12, options={"crf": "32"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        number = 0
        for frame in source.decode(video=0):
            for _ in range(6):
                again = frame.reformat(320, 180, "yuv420p")
                again.pts, again.time_base = number, Fraction(1, 12)
                container.mux(stream.encode(again))
                number += 1
        container.mux(stream.encode(None))
    return out.getvalue()


def photograph(size: tuple[int, int], seed: int) -> bytes:
    """A JPEG with detail of every size, the finer the fainter, as a camera would make it."""
    chance, picture, share = Random(seed), Image.new("RGB", size), 1.0
    for wide in (4, 8, 16, 32, 64, 128, 256):
        detail = Image.frombytes("RGB", (wide, wide), chance.randbytes(wide * wide * 3))
        picture = Image.blend(picture, detail.resize(size, Image.Resampling.BICUBIC), share)
        share *= 0.5
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=92)
    return out.getvalue()


def hide_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on neither PyAV nor Pillow can be imported."""
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] in {"av", "PIL"}:
            raise ImportError(name)
        return real(name, *rest)

    for module in ("film", "pictures", "motion"):
        monkeypatch.delitem(sys.modules, f"mockserver.media.{module}", raising=False)
        monkeypatch.delattr(f"mockserver.media.{module}", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
