from typing import Any

import pytest
from msgspec.structs import replace

from gateway.routing.modes import widest
from providers.contract import Option, OptionKind
from tests.gateway.routing.rows_support import WIDE


@pytest.mark.parametrize(
    ("field", "one", "two", "both"),
    [
        ("seconds", (5, 8), (10, 5), (5, 8, 10)),
        ("aspect_ratios", ("16:9",), ("1:1", "16:9"), ("16:9", "1:1")),
        ("resolutions", ("720p",), ("1080p",), ("720p", "1080p")),
        ("motion_modes", (), ("fast",), ("fast",)),
        ("prompt_required", True, True, True),
        ("prompt_required", True, False, False),
        ("prompt_required", False, True, False),
        ("prompt_min", 5, 1, 1),
        ("prompt_min", 1, 5, 1),
        ("prompt_max", 50, 100, 100),
        ("prompt_max", 100, 50, 100),
        ("negative_prompt_max", 10, 20, 20),
        ("negative_prompt_max", 20, 10, 20),
        ("negative_prompt_max", None, 10, 10),
        ("negative_prompt_max", 10, None, 10),
        ("negative_prompt_max", None, None, None),
        ("seed", (1, 2), (2, 3), (1, 3)),
        ("seed", (2, 3), (1, 2), (1, 3)),
        ("seed", (1, 9), (2, 3), (1, 9)),
        ("seed", None, (2, 3), (2, 3)),
        ("seed", (2, 3), None, (2, 3)),
        ("seed", None, None, None),
        ("references", (1, 2), (2, 3), (1, 3)),
        ("references", (2, 3), None, (2, 3)),
        ("references", None, (2, 3), (2, 3)),
        ("watermark", None, True, True),
        ("watermark", False, None, False),
        ("watermark", None, None, None),
    ],
)
def test_the_widest_row_takes_whatever_one_of_them_takes(
    field: str, one: Any, two: Any, both: Any
) -> None:
    rows = [replace(WIDE, **{field: value}) for value in (one, two)]
    assert getattr(widest(rows), field) == both


def test_the_widest_row_has_the_options_of_all_each_as_the_first_row_has_it() -> None:
    def option(name: str, longest: int) -> Option:
        return Option(name=name, kind=OptionKind.STRING, meaning="Made up.", longest=longest)

    rows = [
        replace(WIDE, options=(option("a", 1), option("b", 2))),
        replace(WIDE, options=(option("b", 3), option("c", 4))),
        replace(WIDE, options=(option("c", 5), option("d", 6))),
    ]
    found = {one.name: one.longest for one in widest(rows).options}
    assert found == {"a": 1, "b": 2, "c": 4, "d": 6}


def test_a_row_alone_is_the_widest() -> None:
    assert widest([WIDE]) is WIDE
