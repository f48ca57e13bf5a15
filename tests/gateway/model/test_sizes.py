import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.sizes import RATIOS, Size, closest, pixels, size_of
from tests.strategies import CALM, ROWS


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1280x720", Size("16:9", "720p")),
        ("720x1280", Size("9:16", "720p")),
        ("1920x1080", Size("16:9", "1080p")),
        ("640x360", Size("16:9", "360p")),
        ("720x720", Size("1:1", "720p")),
        ("960x720", Size("4:3", "720p")),
        ("1792x1024", Size("7:4", "1024p")),
        # No whole number of pixels gives these ratios; encoders round to an even one.
        ("854x480", Size("16:9", "480p")),
        ("853x480", Size("16:9", "480p")),
        ("480x854", Size("9:16", "480p")),
        ("1366x768", Size("16:9", "768p")),
        ("848x480", Size("53:30", "480p")),
        ("1281x720", Size("16:9", "720p")),
        ("1282x720", Size("641:360", "720p")),
        ("1278x720", Size("71:40", "720p")),
        ("16384x16384", Size("1:1", "16384p")),
        ("16x16", Size("1:1", "16p")),
    ],
)
def test_a_size_is_a_ratio_and_the_lines_of_its_shorter_side(text: str, size: Size) -> None:
    assert size_of(text) == size


@pytest.mark.parametrize(
    "text",
    ["", "x", "1280", "1280x", "x720", "1280X720", "1280*720", "1280 x 720", "-1x1", "0x720",
     "15x720", "16385x720", "1280x720 ", "1280x720\n", "\u0661x\u0662", "1.5x2", "99999x99999"],
)  # fmt: skip
def test_anything_else_is_no_size(text: str) -> None:
    assert size_of(text) is None


@pytest.mark.parametrize(
    ("ratio", "resolution", "size"),
    [
        ("16:9", "720p", "1280x720"),
        ("9:16", "720p", "720x1280"),
        ("16:9", "540p", "960x540"),
        ("1:1", "1080p", "1080x1080"),
        ("3:4", "720p", "720x960"),
        ("16:9", "480p", "854x480"),
        ("16:9", "482p", "856x482"),
        ("3:2", "482p", "723x482"),
        ("1:1", "721p", "721x721"),
        ("16:9", "4K", None),
        ("wide", "720p", None),
        ("0:1", "720p", None),
        ("", "", None),
        ("1:1", "16384p", "16384x16384"),
        ("1:1", "16385p", None),
        ("1:1", "15p", None),
        ("1024:1", "16p", "16384x16"),
        ("1024:1", "720p", None),
    ],
)
def test_a_ratio_and_a_resolution_are_a_size(ratio: str, resolution: str, size: str | None) -> None:
    assert pixels(ratio, resolution) == size


SIDE = st.integers(1, 99_999) | st.integers(1, 21)
TABLED = sorted({
    (ratio, resolution)
    for _, offer in ROWS
    for ratio in offer.aspect_ratios
    for resolution in offer.resolutions
})  # fmt: skip


@pytest.mark.parametrize(("ratio", "resolution"), TABLED)
def test_every_size_of_the_tables_means_what_it_is_made_from(ratio: str, resolution: str) -> None:
    size = pixels(ratio, resolution)
    assert size is not None
    assert size_of(size) == Size(ratio, resolution)


@CALM
@given(st.sampled_from(RATIOS), st.integers(64, 4000))
def test_a_size_that_was_offered_is_understood_when_it_comes_back(ratio: str, lines: int) -> None:
    size = pixels(ratio, f"{lines}p")
    assert size is not None
    assert size_of(size) == Size(ratio, f"{lines}p")


@CALM
@given(st.tuples(SIDE, SIDE), st.integers(1, 99_999))
def test_only_a_size_that_is_understood_is_ever_offered(ratio: tuple[int, int], lines: int) -> None:
    size = pixels(f"{ratio[0]}:{ratio[1]}", f"{lines}p")
    assert size is None or size_of(size) is not None


@CALM
@given(st.text() | st.from_regex(r"[0-9]{1,6}x[0-9]{1,6}", fullmatch=True))
def test_any_text_is_a_size_or_none(text: str) -> None:
    found = size_of(text)
    assert found is None or (":" in found.aspect_ratio and found.resolution.endswith("p"))


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [
        ("1792x1024", "1920x1080"),
        ("1024x1792", "1080x1920"),
        ("854x480", "640x360"),
        ("100x100", "1080x1080"),
    ],
)
def test_the_closest_size_has_the_closest_shape_and_then_lines(wanted: str, nearest: str) -> None:
    size = size_of(wanted)
    assert size is not None
    sizes = ("1280x720", "1920x1080", "640x360", "1080x1920", "1080x1080")
    assert closest(size, sizes) == nearest
    assert closest(size, ()) is None


@pytest.mark.parametrize(
    ("sizes", "nearest"),
    [
        (("737280x720", "1280x720"), "1280x720"),
        (("1280x720", "737280x720"), "1280x720"),
        (("640x360", "1280x720"), "640x360"),
        (("737280x720",), None),
    ],
)
def test_a_size_that_nobody_may_ask_for_is_never_the_closest(
    sizes: tuple[str, ...], nearest: str | None
) -> None:
    assert closest(Size("1024:1", "16p"), sizes) == nearest
