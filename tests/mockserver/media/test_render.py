import io
import subprocess
import sys
from collections.abc import Sequence

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mockserver.media import drawn, render
from mockserver.media.clip import FPS, Role, Source
from mockserver.media.pictures import READ_ERRORS, cover, fault, read
from mockserver.media.reading import read as read_film
from mockserver.wire.sniff import image_type
from tests.mockserver.drivers import difference, pictures, png
from tests.mockserver.media.films import FIRST, LAST, clip, photograph

film = render.film


def as_shown(source: Source, size: tuple[int, int]) -> Image.Image:
    assert source.data is not None
    return cover(read(source.data), size)


def test_a_film_starts_at_its_first_frame_and_ends_at_its_last() -> None:
    shown = pictures(film(clip(sources=(FIRST, LAST))))

    assert difference(shown[0], as_shown(FIRST, (160, 90))) < 4
    assert difference(shown[-1], as_shown(LAST, (160, 90))) < 4
    assert difference(shown[0], shown[-1]) > 50


def test_photographs_come_out_as_they_went_in() -> None:
    size = (640, 360)
    first = Source(role="first", data=photograph((800, 450), 1))
    last = Source(role="last", data=photograph((640, 400), 2))
    shown = pictures(film(clip(width=640, height=360, seconds=2, sources=(first, last))))

    assert difference(as_shown(first, size), as_shown(last, size)) > 20
    assert difference(shown[0], as_shown(first, size)) < 2
    assert difference(shown[-1], as_shown(last, size)) < 2


def test_a_film_with_a_first_frame_alone_moves_away_from_it() -> None:
    shown = pictures(film(clip(sources=(FIRST,))))

    assert difference(shown[0], as_shown(FIRST, (160, 90))) < 4
    assert difference(shown[0], shown[-1]) > 8


def test_a_film_of_text_alone_changes_and_depends_on_the_text() -> None:
    dawn, dusk = pictures(film(clip())), pictures(film(clip(caption="dusk")))

    assert difference(dawn[0], dawn[-1]) > 0.5
    assert difference(dawn[0], dusk[0]) > 1


SHAPES = [(5, (160, 90)), (8, (90, 160)), (4, (120, 90)), (0.5, (64, 64)), (2.5, (61, 33))]


@pytest.mark.parametrize(("seconds", "size"), SHAPES)
@pytest.mark.parametrize("sources", [(), (FIRST, LAST)], ids=["drawn", "encoded"])
def test_size_duration_and_format_are_exact(
    seconds: float, size: tuple[int, int], sources: Sequence[Source]
) -> None:
    mp4 = film(clip(seconds=seconds, width=size[0], height=size[1], sources=sources))

    with av.open(io.BytesIO(mp4), "r") as container:
        (stream,) = container.streams.video
        assert container.duration == seconds * av.time_base
        assert stream.duration is not None
        assert stream.time_base is not None
        assert stream.duration * stream.time_base == seconds
        assert (stream.width, stream.height) == size
        assert (stream.codec.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert stream.frames == seconds * FPS
        assert sum(1 for _ in container.decode(video=0)) == seconds * FPS
    assert 0 < mp4.find(b"moov") < mp4.find(b"mdat")


def test_equal_clips_have_equal_keys_and_others_have_others() -> None:
    assert clip(sources=(FIRST,)).key == clip(sources=(FIRST,)).key
    assert clip(seconds=1.0).key == clip(seconds=1).key
    keys = {
        each.key
        for each in (
            clip(),
            clip(width=90),
            clip(height=160),
            clip(seconds=2),
            clip(caption="dusk"),
            clip(job="job-2"),
            clip(segment=1),
            clip(sources=(FIRST,)),
            clip(sources=(FIRST, LAST)),
            clip(sources=(Source(role="last", data=FIRST.data),)),
            clip(sources=(Source(role="first", url="dawn"),)),
        )
    }
    assert len(keys) == 11


PROGRAM = """
import hashlib
from mockserver.media.render import film
from tests.mockserver.media.films import FIRST, LAST, clip
for sources in ((), (FIRST, LAST)):
    print(hashlib.sha256(film(clip(seconds=2, sources=sources))).hexdigest())
"""


def test_the_same_clip_has_the_same_bytes_in_another_process() -> None:
    one, other = (
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
            text=True,
        ).stdout
        for seed in ("1", "2")
    )

    assert len(set(one.split())) == 2
    assert one == other


@settings(deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff"]),
)
def test_no_bytes_break_the_reading_of_pictures(data: bytes, start: bytes) -> None:
    assert isinstance(READ_ERRORS, tuple)
    image_type(start + data)
    fault(start + data)


STAND_IN = "https://example.com/far.png"


@pytest.mark.parametrize("role", ["first", "last", "reference", "extend"])
@pytest.mark.parametrize("more", [(), (FIRST,)], ids=["drawn", "encoded"])
def test_an_input_out_of_reach_is_drawn_from_its_url(role: Role, more: Sequence[Source]) -> None:
    near, far = (
        pictures(film(clip(width=320, sources=(Source(role=role, url=url), *more))))
        for url in (STAND_IN, STAND_IN + "?other")
    )

    at = -1 if role == "last" else 0
    shown = role != "reference" or not more
    assert (difference(near[at], far[at]) > 1) == shown


def test_references_are_shown_in_their_order() -> None:
    red, blue = (Source(role="reference", data=png(colour)) for colour in ("red", "blue"))
    one, other = (pictures(film(clip(sources=order)))[0] for order in ((red, blue), (blue, red)))

    left, right = (60, 16), (90, 16)
    for picture, at, colour in ((one, left, 0), (one, right, 2), (other, left, 2)):
        pixel = picture.getpixel(at)
        assert isinstance(pixel, tuple)
        assert max(range(3), key=pixel.__getitem__) == colour


def test_a_source_that_extends_continues_from_the_last_picture() -> None:
    source = film(clip(sources=(FIRST, LAST)))
    shown = pictures(film(clip(sources=(Source(role="extend", data=source),))))

    assert difference(shown[0], pictures(source)[-1]) < 4


@pytest.mark.parametrize("sources", [(), (FIRST,), (FIRST, LAST)])
def test_the_last_frame_is_the_last_picture_that_a_decoder_sees(
    sources: Sequence[Source],
) -> None:
    made = clip(sources=sources)
    mp4 = film(made)
    still = Image.open(io.BytesIO(render.last_frame_png(made, mp4)))

    assert difference(still, pictures(mp4)[-1]) < 2


def test_thumbnails_show_the_first_picture() -> None:
    made = clip(width=640, height=360)
    mp4 = film(made)
    for name, width in (("thumb.jpg", 320), ("preview.jpg", 640)):
        kind, make = render.STILLS[name]
        still = Image.open(io.BytesIO(make(made, mp4)))
        assert (kind, still.size) == ("image/jpeg", (width, width * 9 // 16))
        assert difference(still, pictures(mp4)[0].resize(still.size)) < 6


@pytest.mark.parametrize("sources", [(), (FIRST,), (FIRST, LAST)])
def test_pictures_between_first_and_last_are_stamped_and_these_are_not(
    sources: Sequence[Source],
) -> None:
    made = clip(width=640, height=360, seconds=2, sources=sources)
    first, second, third, last = pictures(film(made))
    plain = pictures(film(clip(width=640, height=360, seconds=2, sources=sources, job="")))

    assert difference(first, plain[0]) < 1.5
    assert difference(last, plain[-1]) < 1.5
    assert difference(second.crop((0, 0, 640, 16)), plain[1].crop((0, 0, 640, 16))) > 40
    assert difference(second.crop((0, 0, 640, 16)), third.crop((0, 0, 640, 16))) < 4


FAR = Source(role="first", url=STAND_IN)
JPEG = Source(role="first", data=photograph((64, 64), 1))


@pytest.mark.usefixtures("without_extra")
@pytest.mark.parametrize("sources", [(), (FIRST,), (FIRST, LAST), (FAR,), (JPEG, LAST)])
def test_without_the_extra_there_are_films_and_last_frames(sources: Sequence[Source]) -> None:
    made = clip(seconds=5, sources=sources)
    mp4 = film(made)
    read_back = read_film(mp4)

    assert (read_back.width, read_back.height, read_back.seconds) == (160, 90, 5)
    assert [note.frame for note in read_back.notes] == list(range(10))
    assert render.last_frame_png(made, mp4) == drawn.last_frame_png(made)
    with pytest.raises(render.MissingExtraError, match=r"filmgate\[mock\]"):
        render.first_frame_jpeg(mp4, 320)


GOOD = drawn.film(clip())
FAULTS: list[tuple[Role, bytes, str | None]] = [
    ("first", png("red"), None),
    ("last", JPEG.data or b"", None),
    ("first", b"plain text", "is not an image"),
    ("first", GOOD, "is not an image"),
    ("reference", png("red")[:12], "is not a readable image"),
    ("extend", GOOD, None),
    ("extend", png("red"), "is not a video"),
    ("extend", GOOD[: len(GOOD) // 2], "is not a readable video"),
    ("extend", b"\0\0\0\x18ftypisom" + bytes(100), "is not a readable video"),
]


@pytest.mark.parametrize(("role", "data", "said"), FAULTS)
@pytest.mark.parametrize("extra", [True, False])
def test_inputs_are_looked_at_with_and_without_the_extra(
    request: pytest.FixtureRequest, role: Role, data: bytes, said: str | None, *, extra: bool
) -> None:
    if not extra:
        request.getfixturevalue("without_extra")
    found = render.input_fault(role, data)

    assert found is None if said is None else found is not None and found.startswith(said)


@pytest.mark.usefixtures("without_extra")
def test_films_of_other_kinds_are_believed_without_the_extra() -> None:
    assert render.input_fault("extend", b"\x1a\x45\xdf\xa3....webm") is None
    assert render.film_size(b"\x1a\x45\xdf\xa3....webm") is None


@pytest.mark.parametrize("extra", [True, False])
def test_a_film_s_size_is_known_with_and_without_the_extra(
    request: pytest.FixtureRequest, *, extra: bool
) -> None:
    if not extra:
        request.getfixturevalue("without_extra")

    assert render.film_size(GOOD) == (160, 90)
    assert render.film_size(GOOD[:-100]) == (160, 90)
    assert render.film_size(b"\0\0\0\x18ftypisom" + bytes(100)) is None


def test_the_size_of_a_film_in_another_container_is_read_with_the_extra() -> None:
    out = io.BytesIO()
    with av.open(io.BytesIO(GOOD), "r") as source, av.open(out, "w", format="matroska") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)

    assert render.film_size(out.getvalue()) == (160, 90)


def test_media_costs_nothing_until_a_picture_is_wanted() -> None:
    program = (
        "import sys, mockserver.media.render, mockserver.media.store, mockserver.media.stitched\n"
        "print([name for name in ('av', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
        text=True,
    )

    assert done.stdout.strip() == "[]"
