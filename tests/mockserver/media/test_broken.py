import pytest

from mockserver.media import reading
from mockserver.media.broken import BROKEN
from mockserver.media.film import fault
from mockserver.media.render import film
from mockserver.media.stitched import faults_of_stitching
from tests.mockserver.media.films import FIRST, LAST, clip, decoded

ORDERED = clip(width=320, height=180, seconds=5, sources=(FIRST, LAST))
WHOLE = film(ORDERED)


def sent(name: str) -> bytes:
    broken = BROKEN[name]
    return broken.spoil(film(broken.clip(ORDERED)))


def said(data: bytes) -> str:
    """What is wrong with a film by its index."""
    with pytest.raises(ValueError, match=r".+") as caught:
        reading.read(data)
    return str(caught.value)


def test_each_says_what_it_means_and_is_not_what_was_ordered() -> None:
    for name, broken in BROKEN.items():
        assert broken.meaning.endswith(".")
        assert (sent(name), broken.content_type) != (WHOLE, "video/mp4")
        assert sent(name) == sent(name)


def test_half_of_it_is_missing() -> None:
    assert WHOLE.startswith(sent("truncated"))
    assert said(sent("truncated")).startswith("it is cut off at its picture")
    assert fault(sent("truncated")) is not None


def test_nothing_is_nothing() -> None:
    assert sent("empty") == b""
    assert said(b"") == "it is empty"


@pytest.mark.parametrize(
    ("name", "content_type"), [("html", "video/mp4"), ("html-page", "text/html; charset=utf-8")]
)
def test_a_page_is_a_page_whatever_it_is_called(name: str, content_type: str) -> None:
    assert BROKEN[name].content_type == content_type
    assert sent(name).startswith(b"<!doctype html>")
    assert said(sent(name)) == "it is no MP4"


def test_a_whole_film_may_be_mislabelled() -> None:
    assert BROKEN["octet-stream"].content_type == "application/octet-stream"
    assert sent("octet-stream") == WHOLE


def test_an_index_at_the_end_still_finds_every_picture() -> None:
    late, early = reading.read(sent("moov-at-end")), reading.read(WHOLE)

    assert (early.faststart, late.faststart) == (True, False)
    assert late == early._replace(faststart=False)
    assert decoded(sent("moov-at-end")) == decoded(WHOLE)
    assert len(sent("moov-at-end")) == len(WHOLE)


def test_a_film_without_a_track_has_no_pictures() -> None:
    assert said(sent("no-video-track")) == "it has no track of pictures"
    assert fault(sent("no-video-track")) is not None


def test_an_index_may_be_right_and_the_pictures_nothing() -> None:
    shape = reading.read(sent("undecodable"))

    assert (shape.width, shape.height, shape.seconds) == (320, 180, 5)
    assert shape.notes == ()
    assert fault(sent("undecodable")) is not None


@pytest.mark.parametrize("seconds", [1, 5, 8])
def test_a_film_may_be_half_as_long(seconds: int) -> None:
    ordered = clip(seconds=seconds)
    data = film(BROKEN["wrong-length"].clip(ordered))

    assert reading.read(data).seconds == seconds / 2
    assert fault(data) is None
    assert faults_of_stitching(data, ["job-1"], seconds=seconds) == [
        f"the film is {seconds / 2:g} s long and should be {seconds} s"
    ]


@pytest.mark.parametrize("width", [4, 320, 1280])
def test_a_film_may_have_another_size(width: int) -> None:
    data = film(BROKEN["odd-size"].clip(clip(width=width)))

    size = reading.size(data)
    assert size is not None
    assert size[0] < width
    assert size[0] % 2 == 0
    assert size[1] == 90
    assert fault(data) is None
