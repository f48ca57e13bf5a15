"""A browser plays what the mock makes, to its end."""

from pathlib import Path

import pytest

from mockserver.media.clip import Source
from mockserver.media.render import film
from tests.end_to_end.test_playback import CHROMIUM, _play
from tests.mockserver.media.films import FIRST, LAST, clip, joined

ODD = film(clip(width=101, height=75, seconds=2))
MIXED = joined(
    *(
        film(clip(width=320, height=180, job=job, sources=sources))
        for job, sources in (("a", ()), ("b", (FIRST, LAST)), ("c", (Source(role="last"),)))
    )
)


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize(
    ("data", "seconds", "size"),
    [(ODD, 2, (101, 75)), (MIXED, 3, (320, 180))],
    ids=["of odd sides", "joined from both makers"],
)
def test_chromium_plays_it_to_its_end(
    tmp_path: Path, data: bytes, seconds: float, size: tuple[int, int]
) -> None:
    told = _play(data, tmp_path)

    assert told["what"] == ["ended"], told
    assert float(told["seconds"][0]) == pytest.approx(seconds, abs=0.01)
    assert (told["width"], told["height"]) == ([str(size[0])], [str(size[1])])
