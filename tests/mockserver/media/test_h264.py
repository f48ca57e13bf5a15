import io

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.media import mp4
from mockserver.media.h264 import SIDE, Encoder, Tile
from mockserver.media.tiles import Board
from tests.mockserver.media.films import decoded, meant

VALUES = st.integers(0, 255)
FLAT = st.tuples(VALUES, VALUES, VALUES)
DETAILED = st.tuples(
    st.lists(VALUES, min_size=1, max_size=9).map(lambda some: bytes(some * 256)[: SIDE**2]),
    VALUES,
    VALUES,
)
TILES: st.SearchStrategy[Tile] = st.one_of(FLAT, FLAT, DETAILED)


@st.composite
def films(draw: st.DrawFn) -> list[Board]:
    """Pictures of a few tiles, each perhaps sharing some with the one before."""
    width, height = draw(st.integers(2, 56)), draw(st.integers(2, 56))
    first = Board(width, height)
    count = first.columns * first.rows
    first.tiles = draw(st.lists(TILES, min_size=count, max_size=count))
    boards = [first]
    for _ in range(draw(st.integers(0, 4))):
        board = boards[-1].copy()
        for at in draw(st.sets(st.integers(0, count - 1))):
            board.tiles[at] = draw(TILES)
        boards.append(board)
    return boards


def film_of(boards: list[Board]) -> bytes:
    size = boards[0].width, boards[0].height
    encoder = Encoder(*size, 2)
    return mp4.write([encoder.picture(board.tiles) for board in boards], size, 2)


@settings(deadline=None, max_examples=60)
@given(films())
def test_a_decoder_sees_exactly_the_tiles_that_were_meant(boards: list[Board]) -> None:
    assert decoded(film_of(boards)) == [meant(board) for board in boards]


@pytest.mark.parametrize("pictures", [1, 16, 17, 33])
def test_any_number_of_pictures_decodes(pictures: int) -> None:
    boards = [Board(32, 32, [(16 + n, 128, 128)] * 4) for n in range(pictures)]

    assert decoded(film_of(boards)) == [meant(board) for board in boards]


@pytest.mark.parametrize(
    ("size", "level"),
    [((160, 90), 10), ((640, 360), 30), ((1280, 720), 31), ((1920, 1080), 40), ((3840, 2160), 51)],
)
def test_the_level_is_the_lowest_that_allows_the_size(size: tuple[int, int], level: int) -> None:
    assert Encoder(*size, 2).picture([(16, 128, 128)] * 32400)[0][3] == level


def test_what_is_written_is_constrained_baseline_in_bt709() -> None:
    with av.open(io.BytesIO(film_of([Board(32, 32, [(90, 100, 150)] * 4)])), "r") as container:
        context = container.streams.video[0].codec_context
        next(container.decode(video=0))

        assert context.profile == "Constrained Baseline"
        assert (context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1)
        assert context.color_range == 1
