import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.media import drawn, stamp
from tests.mockserver.media.films import clip, meant


@given(st.integers(stamp.NARROWEST, 2000), st.text(max_size=8).map("job-{}".format))
def test_a_stamp_in_tiles_can_be_read_at_any_width(width: int, job: str) -> None:
    _, board, _ = drawn.boards(clip(width=width, height=40, seconds=1.5, job=job))
    luma = meant(board)[0]

    assert stamp.code_in(lambda x, y: luma[y * width + x], width, 40) == stamp.code_of(job)


@pytest.mark.parametrize("light", [0, 128, 255])
def test_a_plain_picture_has_no_stamp(light: int) -> None:
    assert stamp.code_in(lambda _x, _y: light, 640, 360) is None


def test_a_film_that_is_too_narrow_has_none() -> None:
    assert not stamp.is_stamped(1, 10, stamp.NARROWEST - 1)
    assert stamp.code_in(lambda _x, _y: 0, 10, 10) is None
