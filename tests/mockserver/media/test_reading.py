import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.media import drawn, mp4, notes, reading
from mockserver.media.clip import Source
from mockserver.media.notes import Note, note_in, notes_of, unit
from mockserver.media.render import film
from tests.mockserver.drivers import png
from tests.mockserver.media.films import FIRST, LAST, clip, decoded, encoded_anew, joined

GOOD = drawn.film(clip())


@pytest.mark.parametrize("sources", [(), (FIRST,), (FIRST, LAST)])
def test_every_picture_says_whose_it_is(sources: tuple[Source, ...]) -> None:
    made = clip(seconds=5, sources=sources, segment=3, job="a \N{SNOWMAN}")
    found = reading.read(film(made))

    assert (found.width, found.height, found.seconds) == (160, 90, 5)
    assert found.faststart
    assert list(found.notes) == notes_of(made)
    assert found.notes[4] == Note(
        job="a \N{SNOWMAN}", segment=3, frame=4, of=10, prompt=made.prompt
    )


def test_notes_and_pictures_survive_a_join_of_films_of_both_makers() -> None:
    films = [
        film(clip(job="a")),
        film(clip(job="b", sources=(FIRST, LAST))),
        film(clip(job="c", seconds=2)),
    ]
    whole = joined(*films)
    found = reading.read(whole)

    assert [note.job for note in found.notes] == [*"aabbcccc"]
    assert found.seconds == 4
    assert decoded(whole) == [planes for each in films for planes in decoded(each)]


def test_pictures_that_were_encoded_anew_say_nothing() -> None:
    found = reading.read(encoded_anew(GOOD))

    assert (found.width, found.height, found.seconds) == (320, 180, 1)
    assert found.pictures == (None,) * 12
    assert found.notes == ()


@given(st.text(max_size=400), st.integers(0, 10**6))
def test_a_note_of_any_length_is_read_back(job: str, frame: int) -> None:
    note = Note(job=job, segment=0, frame=frame, of=frame + 1, prompt="")

    assert note_in([b"\x65\x88", unit(note)]) == note


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x05",
        b"\x05\xff",
        b"\x05\x10" + notes.UUID + b"\x80",
        b"\x05\x12" + notes.UUID + b"{}\x80",
        b"\x05\x12" + bytes(16) + b"{}\x80",
        b"\x06\x01\x84\x80",
    ],
)
def test_user_data_of_others_are_passed_over(content: bytes) -> None:
    note = notes_of(clip())[0]

    assert note_in([b"", b"\x06" + content]) is None
    assert note_in([b"\x06" + content, unit(note)]) == note


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        (b"<!doctype html><p>", "it is no MP4"),
        (GOOD[:32], "it has no index"),
        (GOOD[:300], "its index is cut off"),
        (GOOD[:-1], "it is cut off at its picture 2"),
        (GOOD.replace(b"vide", b"soun"), "it has no track of pictures"),
        (GOOD.replace(b"stbl", b"free"), "its index has no 'stbl' box"),
        (GOOD.replace(b"stsz", b"free"), "its index has no 'stsz' box"),
        (b"\0\0\0\x04ftyp", "the box at byte 0 is shorter than its header"),
        (GOOD[:32] + b"\0\0\0", "bytes 32 to 35 are no box"),
    ],
)
def test_what_is_no_film_is_refused_with_the_reason(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        reading.read(data)


def test_long_boxes_and_long_offsets_are_read() -> None:
    at = GOOD.index(b"mdat") - 4
    content = GOOD[at + 8 :]
    moved = GOOD[:at] + struct.pack(">I4sQ", 1, b"mdat", len(content) + 16) + content
    stco = moved.index(b"stco")
    (offset,) = struct.unpack_from(">I", moved, stco + 12)
    moved = moved[: stco + 12] + struct.pack(">I", offset + 8) + moved[stco + 16 :]

    assert reading.read(moved) == reading.read(GOOD)

    out = joined(GOOD, GOOD)
    assert len(reading.read(out).notes) == 4


def test_an_endless_last_box_reaches_to_the_end() -> None:
    at = GOOD.index(b"mdat") - 4

    assert reading.read(GOOD[:at] + bytes(4) + GOOD[at + 4 :]) == reading.read(GOOD)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_no_damage_breaks_the_reading(at: int, value: int) -> None:
    data = GOOD[:at] + bytes([value]) + GOOD[at + 1 :]
    reading.size(data)
    try:
        reading.read(data)
    except ValueError as cause:
        assert str(cause)  # noqa: PT017 - a fault or none, but nothing else


@given(st.integers(32, GOOD.index(b"mdat")), st.sampled_from([0, 1, 2**16, 2**31, 2**32 - 1]))
def test_no_number_breaks_the_reading(at: int, value: int) -> None:
    data = GOOD[:at] + struct.pack(">I", value) + GOOD[at + 4 :]
    reading.size(data)
    try:
        reading.read(data)
    except ValueError as cause:
        assert str(cause)  # noqa: PT017 - as above


def test_a_picture_is_not_taken_for_a_film() -> None:
    assert reading.size(png("red")) is None


def test_an_index_names_the_pictures_to_start_at() -> None:
    still = [[b"\x67abcd", b"\x68e", b"\x65f"], [b"\x41g"], [b"\x67abcd", b"\x68e", b"\x65h"]]
    data = mp4.write(still, (16, 16), 2)
    at = data.index(b"stss")

    assert struct.unpack_from(">4I", data, at + 4) == (0, 2, 1, 3)
