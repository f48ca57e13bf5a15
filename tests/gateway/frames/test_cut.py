"""Pictures cut from films by a child process, which nothing about the film can make harm us."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from typing import cast

import av
import pytest
from av.video.stream import VideoStream
from PIL import Image, ImageDraw

from gateway import frames
from gateway.frames import NoStill, cut


def film(
    path: Path, codec: str = "libx264", *, pictures: int = 60, gop: int = 24, b_frames: int = 2
) -> Path:
    """A film whose pictures all differ."""
    size = (160, 96)
    with av.open(str(path), "w") as container:
        stream = cast("VideoStream", container.add_stream(codec, rate=24))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.gop_size = gop
        if codec == "libx264":
            stream.codec_context.max_b_frames = b_frames
        for n in range(pictures):
            image = Image.new("RGB", size, (4 * n % 256, 90, 255 - 4 * n % 256))
            ImageDraw.Draw(image).rectangle((n % 140, 20, n % 140 + 15, 60), fill="white")
            frame = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def decoded(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [one.to_image().tobytes() for one in container.decode(video=0)]  # type: ignore[no-untyped-call]


def shown(path: Path) -> bytes:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return image.convert("RGB").tobytes()


@pytest.mark.parametrize(
    ("name", "codec", "gop", "b_frames"),
    [
        ("a.mp4", "libx264", 24, 2),
        ("a.mp4", "libx264", 1000, 0),
        ("a.mp4", "libx264", 7, 3),
        ("a.mov", "libx264", 24, 2),
        ("a.webm", "libvpx-vp9", 24, 0),
    ],
)
async def test_the_first_and_last_picture_are_the_films_very_own(
    tmp_path: Path, name: str, codec: str, gop: int, b_frames: int
) -> None:
    path = film(tmp_path / name, codec, gop=gop, b_frames=b_frames)
    pictures = decoded(path)
    assert pictures[0] != pictures[-1]
    for which, picture in (("first", pictures[0]), ("last", pictures[-1])):
        out = tmp_path / f"{which}.png"
        await cut(path, which, out)  # type: ignore[arg-type]
        assert shown(out) == picture


async def test_a_film_of_one_picture_begins_and_ends_with_it(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", pictures=1)
    for which in ("first", "last"):
        await cut(path, which, tmp_path / which)

    assert shown(tmp_path / "first") == shown(tmp_path / "last") == decoded(path)[0]


async def test_texts_that_are_none_do_no_harm_to_the_pictures(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4")
    pictures = decoded(path)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"VideoHandler", b"VideoHandl\xe8r"))
    assert path.read_bytes() != whole

    await cut(path, "last", tmp_path / "last")
    assert shown(tmp_path / "last") == pictures[-1]


def png() -> bytes:
    out = BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x00\x00\x18ftyp",
        b"\x00\x00\x00\x18ftypisom" + bytes(5000),
        b"\x1a\x45\xdf\xa3" + os.urandom(2000),
        b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        png(),
    ],
    ids=["nothing", "a start", "zeros", "noise", "a playlist", "a list of files", "a picture"],
)
async def test_what_is_no_film_gives_no_still_and_words_without_our_paths(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "bad.mp4"
    path.write_bytes(content)
    out = tmp_path / "out.png"

    with pytest.raises(NoStill) as caught:
        await cut(path, "last", out)
    assert str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    assert not out.exists()


async def test_a_film_that_breaks_off_gives_a_picture_or_words(tmp_path: Path) -> None:
    whole = film(tmp_path / "whole.mp4").read_bytes()
    for share in (0.2, 0.5, 0.9, 0.99):
        path = tmp_path / "part.mp4"
        path.write_bytes(whole[: int(len(whole) * share)])
        with contextlib.suppress(NoStill):
            await cut(path, "last", tmp_path / "out.png")
            assert shown(tmp_path / "out.png") in decoded(path)


async def test_a_child_that_takes_too_long_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(frames, "PROGRAM", slow)
    began = time.monotonic()

    with pytest.raises(NoStill, match=r"within 0\.2 seconds"):
        await cut(tmp_path / "a.mp4", "last", tmp_path / "out.png", seconds=0.2)
    assert time.monotonic() - began < 10


async def test_a_child_whose_asker_is_gone_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "pid"
    slow = tmp_path / "slow.py"
    slow.write_text(
        f"import os, time\nopen({str(told)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)\n"
    )
    monkeypatch.setattr(frames, "PROGRAM", slow)
    asking = asyncio.create_task(cut(tmp_path / "a.mp4", "last", tmp_path / "out.png"))
    for _ in range(2000):
        if told.exists() and told.read_text():
            break
        await asyncio.sleep(0.005)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)


async def test_a_child_that_dies_without_a_word_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = tmp_path / "dying.py"
    dying.write_text("import os\nos.abort()\n")
    monkeypatch.setattr(frames, "PROGRAM", dying)

    with pytest.raises(NoStill, match="the decoder died"):
        await cut(tmp_path / "a.mp4", "last", tmp_path / "out.png")


LIMITED = """
import resource, runpy, sys
sys.argv = ["cut", {film!r}, "last", {out!r}]
module = runpy.run_path({program!r}, run_name="limited")
module["limit"].__globals__["MEMORY"] = {memory}
sys.exit(module["main"](sys.argv[1:]))
"""


def test_a_film_that_wants_too_much_memory_gets_none(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4")
    program = LIMITED.format(
        film=str(path), out=str(tmp_path / "o.png"), program=str(frames.PROGRAM), memory=90 * 2**20
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert not (tmp_path / "o.png").exists()


def test_it_is_a_program_that_says_how_it_is_used(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4")
    command = [sys.executable, "-m", "gateway.frames.cut"]
    wrong = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stderr[:6]) == (2, "usage:")

    subprocess.run([*command, str(path), "first", str(tmp_path / "o.png")], check=True)
    assert shown(tmp_path / "o.png") == decoded(path)[0]


async def test_a_picture_that_cannot_be_written_is_no_fault_of_the_film(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", pictures=3)
    with pytest.raises(OSError, match="cannot be written: No space left"):
        await cut(path, "first", Path("/dev/full"))
    with pytest.raises(OSError, match="cannot be written: No such file"):
        await cut(path, "first", tmp_path / "missing" / "out.png")
