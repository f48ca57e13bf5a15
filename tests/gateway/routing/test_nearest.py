import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.nearest import nearest_value
from tests.strategies import CALM

RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4")
LINES = ("540p", "360p", "720p", "1080p")


@pytest.mark.parametrize(
    ("value", "allowed", "nearest"),
    [
        ("2:1", RATIOS, "16:9"),
        ("21:9", RATIOS, "16:9"),
        ("9:21", RATIOS, "9:16"),
        ("5:4", RATIOS, "4:3"),
        ("99:100", RATIOS, "1:1"),
        ("720", LINES, "720p"),
        ("768p", LINES, "720p"),
        ("4320p", LINES, "1080p"),
        ("1p", LINES, "360p"),
        ("720P", LINES, "720p"),
        ("16 : 9", RATIOS, "16:9"),
        ("fastt", ("normal", "fast"), "fast"),
        ("4K", LINES, "1080p"),
        ("2:1", LINES, None),
        ("0:0", ("a",), None),
        ("x", (), None),
        (7, (5, 8), 8),
        (6, (5, 8), 5),
        (7, (), None),
        ("16:9", (), None),
        ("720p", (), None),
        ("fast_forward", ("normal", "fast"), "fast"),
    ],
)
def test_the_nearest_value_is_near_by_number_or_else_by_spelling(
    value: str | int, allowed: tuple[str, ...] | tuple[int, ...], nearest: str | int | None
) -> None:
    assert nearest_value(value, allowed) == nearest  # type: ignore[type-var]


@CALM
@given(st.text(), st.lists(st.text()))
def test_it_is_always_one_of_the_allowed_ones(value: str, allowed: list[str]) -> None:
    found = nearest_value(value, allowed)
    assert found is None or found in allowed
