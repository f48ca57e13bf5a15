import io
import struct
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from gateway.model.media import (
    MAX_BOXES,
    NotMedia,
    Picture,
    Video,
    picture_facts,
    sniff,
    video_facts,
)


def picture(kind: str, width: int = 60, height: int = 40, **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, kind, **options)
    return file.getvalue()


@cache
def film(kind: str = "mp4", flags: str = "", *, sound: bool = False) -> bytes:
    """A real video of two seconds, 64 x 48."""
    options = {"movflags": flags} if flags else {}
    # In a real file: ffmpeg opens it a second time to move the header to the front.
    with TemporaryDirectory() as directory:
        path = Path(directory, "film")
        write_film(path, kind, options, sound=sound)
        return path.read_bytes()


def write_film(path: Path, kind: str, options: dict[str, str], *, sound: bool) -> None:
    with av.open(str(path), "w", format=kind, options=options) as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        if sound:
            audio = container.add_stream("aac", rate=44100)
            silence = av.AudioFrame(format="fltp", layout="mono", samples=1024)
            silence.sample_rate = 44100
            for plane in silence.planes:
                plane.update(bytes(plane.buffer_size))
            container.mux(audio.encode(silence))
            container.mux(audio.encode(None))
        for n in range(50):
            frame = av.VideoFrame(64, 48, "yuv420p")
            for layer in frame.planes:
                layer.update(bytes([n]) * layer.buffer_size)
            frame.pts, frame.time_base = n, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))


# --- boxes made by hand -----------------------------------------------------------


def box(kind: bytes, *contents: bytes) -> bytes:
    body = b"".join(contents)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def wide_box(kind: bytes, *contents: bytes) -> bytes:
    body = b"".join(contents)
    return struct.pack(">I4sQ", 1, kind, 16 + len(body)) + body


def mvhd(version: int = 0, timescale: int = 600, duration: int = 3000) -> bytes:
    times = ">IIII" if version == 0 else ">QQIQ"
    return box(
        b"mvhd", bytes([version, 0, 0, 0]), struct.pack(times, 0, 0, timescale, duration), bytes(80)
    )


def trak(version: int = 0, handler: bytes = b"vide", width: int = 640, height: int = 360) -> bytes:
    times = bytes(20 if version == 0 else 32)
    size = struct.pack(">II", width << 16, height << 16)
    tkhd = box(b"tkhd", bytes([version, 0, 0, 0]), times, bytes(16), bytes(36), size)
    return box(b"trak", tkhd, box(b"mdia", box(b"hdlr", bytes(8), handler, bytes(12))))


EBML = b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08"
FTYP = box(b"ftyp", b"isom", bytes(4), b"isommp42")
WHOLE = FTYP + box(b"moov", mvhd(), trak()) + box(b"mdat", bytes(100))


def facts(data: bytes) -> Video:
    return video_facts(io.BytesIO(data))


# --- sniffing ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (picture("PNG"), "image/png"),
        (picture("JPEG"), "image/jpeg"),
        (picture("WEBP"), "image/webp"),
        (picture("GIF"), "image/gif"),
        (FTYP, "video/mp4"),
        (box(b"ftyp", b"XAVC", bytes(4), b"XAVCmp42"), "video/mp4"),
        (box(b"ftyp", b"qt  ", bytes(4)), "video/quicktime"),
        (box(b"ftyp", b"heic", bytes(4), b"mif1heiciso8"), None),
        (box(b"ftyp", b"avif", bytes(4), b"avifmif1miaf"), None),
        (box(b"ftyp", b"M4A ", bytes(4), b"M4A mp42isom"), None),
        (box(b"ftyp", b"jp2 ", bytes(4), b"jp2 "), None),
        (EBML + b"B\x82\x84webm", "video/webm"),
        (EBML + b"B\x82\x88matroska", None),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"%PDF-1.7", None),
        (b"<!doctype html>", None),
        (b"", None),
    ],
)
def test_a_type_is_known_by_the_first_bytes(head: bytes, media_type: str | None) -> None:
    assert sniff(head[:64]) == media_type


@given(st.binary(max_size=80))
def test_sniffing_takes_any_bytes(head: bytes) -> None:
    assert sniff(head) is None or "/" in str(sniff(head))


def test_real_films_are_recognised() -> None:
    assert sniff(film()) == "video/mp4"
    assert sniff(film("mov")) == "video/quicktime"


# --- pictures ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_picture_tells_its_type_and_size(kind: str) -> None:
    media_type = f"image/{kind.lower()}"
    expected = Picture(media_type=media_type, width=123, height=45)
    assert picture_facts(picture(kind, 123, 45)) == expected


def test_lossless_webp_tells_its_size() -> None:
    got = picture_facts(picture("WEBP", 4001, 3, lossless=True))
    assert (got.width, got.height) == (4001, 3)


def test_a_turned_photo_is_measured_as_it_is_shown() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    got = picture_facts(picture("JPEG", 60, 40, exif=exif))
    assert (got.width, got.height) == (40, 60)


def test_a_picture_that_claims_900_megapixels_is_measured_and_not_decoded() -> None:
    data = bytearray(picture("PNG"))
    data[16:24] = struct.pack(">II", 30_000, 30_000)
    assert picture_facts(bytes(data)).width == 30_000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"/etc/passwd",
        b"<svg width='1' height='1'/>",
        picture("BMP"),
        picture("TIFF"),
        WHOLE,
        picture("PNG")[:20],
        picture("JPEG")[:30],
        picture("PNG")[:16] + bytes(8) + picture("PNG")[24:],
        b"\xff\xd8\xff" + b"\xff\xd0" * 10_000,
    ],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(NotMedia):
        picture_facts(data)


WEBP = b"RIFF\0\0\0\0WEBP"
MAGIC = st.sampled_from(
    [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", WEBP + b"VP8 ", WEBP + b"VP8L"]
)


@given(MAGIC, st.binary(max_size=200))
def test_bytes_behind_a_picture_s_magic_are_facts_or_not_media(magic: bytes, rest: bytes) -> None:
    try:
        got = picture_facts(magic + rest)
    except NotMedia:
        return
    assert got.width > 0
    assert got.height > 0


# --- videos -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mp4", "mov"])
@pytest.mark.parametrize("flags", ["", "faststart"])
@pytest.mark.parametrize("sound", [False, True])
def test_a_real_film_is_measured_like_ffmpeg_does(kind: str, flags: str, *, sound: bool) -> None:
    data = film(kind, flags, sound=sound)
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        assert container.duration is not None
        expected = Video(
            duration_ms=round(container.duration / 1000), width=stream.width, height=stream.height
        )
    assert facts(data) == expected
    assert expected.duration_ms == 2000


def test_a_fragmented_film_tells_its_size_but_no_duration() -> None:
    data = film(flags="frag_keyframe+empty_moov")
    assert facts(data) == Video(duration_ms=0, width=64, height=48)


@pytest.mark.parametrize("version", [0, 1])
def test_both_versions_of_the_headers_are_read(version: int) -> None:
    data = FTYP + box(b"moov", mvhd(version), trak(version))
    assert facts(data) == Video(duration_ms=5000, width=640, height=360)


def test_wide_sizes_and_a_box_up_to_the_end_are_read() -> None:
    moov = wide_box(b"moov", mvhd(), trak())
    assert facts(FTYP + wide_box(b"mdat", bytes(50)) + moov).width == 640
    assert facts(FTYP + struct.pack(">I", 0) + moov[4:8] + moov[16:]).width == 640


def test_the_video_track_counts_wherever_it_stands() -> None:
    sound, text = trak(handler=b"soun", width=0, height=0), trak(handler=b"text", width=9, height=9)
    assert facts(box(b"moov", mvhd(), sound, text, trak())).width == 640


@pytest.mark.parametrize(("version", "unknown"), [(0, 2**32 - 1), (1, 2**64 - 1)])
def test_a_duration_marked_unknown_is_0(version: int, unknown: int) -> None:
    assert facts(box(b"moov", mvhd(version, duration=unknown), trak())).duration_ms == 0


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no movie header"),
        (FTYP, "no movie header"),
        (b"<html>not a film</html>", "cut short"),
        (WHOLE[:-1], None),
        (WHOLE[: len(FTYP) + 40], "cut short"),
        (box(b"moov", trak()), "no duration"),
        (box(b"moov", mvhd()), "no video track"),
        (box(b"moov", mvhd(), trak(handler=b"soun")), "no video track"),
        (box(b"moov", mvhd(), trak(width=0)), "no size"),
        (box(b"moov", mvhd(timescale=0), trak()), "timescale 0"),
        (box(b"moov", mvhd(1, 1, 2**63), trak()), "more than a day"),
        (box(b"moov", mvhd(2), trak()), "unknown version 2"),
        (box(b"moov", box(b"mvhd", bytes(10)), trak()), "too short"),
        (box(b"moov", box(b"mvhd"), trak()), "too short"),
        (struct.pack(">I4s", 7, b"moov"), "smaller than its own head"),
        (struct.pack(">I4sQ", 1, b"moov", 15), "smaller than its own head"),
        (struct.pack(">I4sQ", 1, b"moov", 2**64 - 1), "cut short"),
        (struct.pack(">I4s", 1, b"moov"), "too short"),
        (box(b"moov", mvhd(), struct.pack(">I4s", 2**31, b"trak")), "cut short"),
        (box(b"free") * (MAX_BOXES + 1), "boxes"),
        (box(b"moov", box(b"free") * (MAX_BOXES + 1)), "boxes"),
    ],
)
def test_a_broken_film_is_refused_in_clear_words(data: bytes, words: str | None) -> None:
    if words is None:
        assert facts(data).width == 640, "only the film itself is cut, after its header"
        return
    with pytest.raises(NotMedia, match=words):
        facts(data)


def test_boxes_nested_without_end_are_not_followed() -> None:
    nested = b""
    for _ in range(3000):
        nested = box(b"trak", nested)
    with pytest.raises(NotMedia, match="no video track"):
        facts(box(b"moov", mvhd(), nested))


@given(st.binary(max_size=300))
@example(struct.pack(">I4s", 0, b"moov"))
def test_any_bytes_are_facts_or_not_media(data: bytes) -> None:
    check(data)


@given(st.data())
@settings(max_examples=400)
def test_a_mutated_film_is_facts_or_not_media(data: st.DataObject) -> None:
    seed = data.draw(
        st.sampled_from([WHOLE, film(), film(sound=True), box(b"moov", mvhd(1), trak(1))])
    )
    mutant = bytearray(seed)
    spots = [m for m in (b"moov", b"mvhd", b"trak", b"tkhd", b"mdia", b"hdlr") if m in seed]
    for _ in range(data.draw(st.integers(1, 4))):
        at = seed.index(data.draw(st.sampled_from(spots))) + data.draw(st.integers(-8, 110))
        at = min(max(at, 0), len(mutant) - 1)
        junk = data.draw(st.binary(min_size=1, max_size=8))
        action = data.draw(st.sampled_from(["overwrite", "insert", "remove", "cut"]))
        if action == "overwrite":
            mutant[at : at + len(junk)] = junk
        elif action == "insert":
            mutant[at:at] = junk
        elif action == "remove":
            del mutant[at : at + len(junk)]
        else:
            del mutant[max(at, 1) :]
    check(bytes(mutant))


def test_every_single_byte_of_a_header_may_be_wrong() -> None:
    for at, value in ((at, value) for at in range(len(WHOLE) - 100) for value in (0, 1, 255)):
        check(WHOLE[:at] + bytes([value]) + WHOLE[at + 1 :])


def check(data: bytes) -> None:
    """Either sane facts or `NotMedia`; any other exception fails the test."""
    try:
        got = facts(data)
    except NotMedia:
        return
    assert 0 <= got.duration_ms <= 24 * 60 * 60 * 1000
    assert 0 < got.width < 2**16
    assert 0 < got.height < 2**16
