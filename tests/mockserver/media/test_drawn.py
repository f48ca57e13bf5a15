import io

import pytest
from PIL import Image, ImageChops

from mockserver.media import drawn, stamp
from mockserver.media.clip import Role, Source
from mockserver.media.tiles import GROUND, WHITE, Board
from tests.mockserver.drivers import difference, pictures, png
from tests.mockserver.media.films import FIRST, LAST, clip, decoded, meant

SIZES = [(1280, 720), (360, 640), (854, 480), (101, 75), (33, 17), (640, 362), (16, 16), (2, 2)]


def farthest(one: Image.Image, other: Image.Image) -> int:
    """The largest difference of any two pixels."""
    bands = ImageChops.difference(one, other).getextrema()
    return max(band[1] for band in bands if isinstance(band, tuple))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("sources", [(), (FIRST, LAST)], ids=["text", "pictures"])
def test_a_decoder_sees_exactly_what_was_meant(
    size: tuple[int, int], sources: tuple[Source, ...]
) -> None:
    made = clip(width=size[0], height=size[1], seconds=2, sources=sources)

    assert decoded(drawn.film(made)) == [meant(board) for board in drawn.boards(made)]


@pytest.mark.parametrize("size", [(1280, 720), (360, 640), (854, 480)])
def test_the_last_frame_is_what_a_decoder_shows_last(size: tuple[int, int]) -> None:
    made = clip(width=size[0], height=size[1], seconds=2)
    still = Image.open(io.BytesIO(drawn.last_frame_png(made)))

    assert still.size == size
    assert farthest(still, pictures(drawn.film(made))[-1]) <= 2


def white(board: Board) -> int:
    return sum(1 for luma, _, _ in board.tiles if isinstance(luma, bytes) and WHITE[0] in luma)


def test_the_caption_can_be_seen_and_decides_the_colours() -> None:
    long, short, none = (
        drawn.card(clip(width=640, height=360, caption=text)) for text in ("so many", "few", "")
    )

    assert white(long) > white(short) > white(none) > 0
    assert long.tiles[0] != short.tiles[0]
    assert GROUND in long.tiles


def test_a_film_of_any_size_takes_any_caption() -> None:
    for side in (1, 8, 16, 17, 40, 100):
        for text in ("", "x" * 500, "wort " * 99, "\N{SNOWMAN}\u00e9\u4e2d\n"):
            made = clip(width=side, height=200 - side, caption=text, job="j" * 80)
            assert white(drawn.card(made)) <= 500


def test_a_bar_grows_from_nothing_to_the_whole_width() -> None:
    first, *_, last = drawn.boards(clip(seconds=4))

    assert last.tiles[-last.columns :] == [WHITE] * last.columns
    assert WHITE not in first.tiles[-first.columns :]


def test_given_pictures_are_shown_in_their_own_colours() -> None:
    shown = pictures(drawn.film(clip(sources=(FIRST, LAST), seconds=3)))

    assert difference(shown[0], shown[-1]) > 50
    for at, colour in ((0, (255, 0, 0)), (-1, (0, 0, 255))):
        pixel = shown[at].getpixel((120, 60))
        assert isinstance(pixel, tuple)
        assert max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) < 8


def test_the_upper_left_of_a_picture_stays_there() -> None:
    still = drawn.still(Source(role="first", data=png("red", (160, 90))), 160, 96)

    assert still.tiles[0] == WHITE
    assert WHITE not in {still.tiles[9], still.tiles[-1], still.tiles[-10]}


@pytest.mark.parametrize("role", ["first", "last", "reference", "extend"])
@pytest.mark.parametrize("readable", [True, False])
def test_what_cannot_be_shown_is_told_apart_by_its_colours(role: Role, *, readable: bool) -> None:
    def source(name: str) -> Source:
        if readable:
            return Source(role=role, data=b"\xff\xd8\xff" + name.encode())
        return Source(role=role, url=name)

    at = -1 if role == "last" else 0
    one, other = (list(drawn.boards(clip(sources=(source(name),))))[at] for name in "ab")

    assert one.tiles != other.tiles


@pytest.mark.parametrize("seconds", [0.5, 1, 5])
def test_all_but_the_first_and_last_picture_are_stamped(seconds: float) -> None:
    made = clip(width=400, height=300, seconds=seconds)
    codes = [
        stamp.code_in(lambda x, y, b=board: meant(b)[0][y * 400 + x], 400, 300)  # type: ignore[misc]
        for board in drawn.boards(made)
    ]

    between = [stamp.code_of("job-1")] * max(0, made.pictures - 2)
    assert codes == [None, *between, None][: made.pictures]
