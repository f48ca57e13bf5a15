from typing import Any

import pytest

from gateway.routing.fit import fit, spec_as_asked
from providers.contract import VideoSpec
from tests.gateway.routing.rows_support import MADE, NARROW, WIDE, request_for


def fit_with(options: dict[str, Any]) -> Any:
    request = request_for(WIDE, provider_options={"made": options})
    return fit(request, MADE, "wide", public_url=True)


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("style", "anime", "anime"),
        ("sound", "", ""),
        ("sound", "👍" * 5, "👍" * 5),
        ("level", 1, 1),
        ("level", 9, 9),
        ("level", "9", 9),
        ("least", 2**62, 2**62),
        ("least", "1" * 19, int("1" * 19)),
        ("loop", True, True),
        ("loop", "false", False),
    ],
    ids=ascii,
)
def test_an_option_within_its_table_is_passed_on(name: str, given: Any, kept: Any) -> None:
    found = fit_with({name: given})
    assert isinstance(found, VideoSpec)
    assert found.options == {name: kept}
    assert type(found.options[name]) is type(kept)


@pytest.mark.parametrize(
    ("name", "given", "code", "nearest", "detail"),
    [
        (
            "style",
            "anima",
            "unsupported_value",
            "anime",
            "takes anime or clay, not 'anima', as style",
        ),
        (
            "style",
            "animation",
            "unsupported_value",
            "anime",
            "takes anime or clay, not 'animation', as style",
        ),
        ("style", "", "unsupported_value", None, "takes anime or clay, not '', as style"),
        ("style", 7, "wrong_type", None, "takes a string as style"),
        ("sound", "👍" * 6, "too_long", None, "takes up to 5 characters, not 6, as sound"),
        ("sound", True, "wrong_type", None, "takes a string as sound"),
        ("level", 0, "out_of_range", 1, "takes 1 to 9, not 0, as level"),
        ("level", 10, "out_of_range", 9, "takes 1 to 9, not 10, as level"),
        ("level", "-3", "out_of_range", 1, "takes 1 to 9, not -3, as level"),
        ("level", True, "wrong_type", None, "takes an integer as level"),
        ("level", "x", "wrong_type", None, "takes an integer as level"),
        ("level", "9" * 20, "wrong_type", None, "takes an integer as level"),
        ("level", "٣", "wrong_type", None, "takes an integer as level"),
        ("least", 0, "out_of_range", 1, "takes at least 1, not 0, as least"),
        ("loop", 1, "wrong_type", None, "takes a boolean as loop"),
        ("loop", "yes", "wrong_type", None, "takes a boolean as loop"),
        ("lop", True, "unknown_option", "loop", "has no option 'lop'; did you mean 'loop'?"),
        (
            "loop_video",
            True,
            "unknown_option",
            "loop",
            "has no option 'loop_video'; did you mean 'loop'?",
        ),
        ("zz", True, "unknown_option", None, "has no option 'zz'"),
    ],
)
def test_any_other_option_is_refused_with_what_is_taken(
    name: str, given: Any, code: str, nearest: Any, detail: str
) -> None:
    (fault,) = fit_with({name: given})
    assert (fault.pointer, fault.code) == (f"/provider_options/made/{name}", code)
    assert (fault.nearest, fault.detail) == (nearest, f"made/wide {detail}")
    assert fault.target == "made/wide"


def test_a_fault_has_the_options_that_there_are() -> None:
    (fault,) = fit_with({"zz": True})
    assert fault.allowed == ("style", "sound", "level", "least", "loop")
    (fault,) = fit_with({"style": "oil"})
    assert fault.allowed == ("anime", "clay")
    request = request_for(NARROW, provider_options={"made": {"style": "anime"}})
    found = fit(request, MADE, "narrow", public_url=True)
    assert isinstance(found, tuple)
    assert found[0].detail == "made/narrow has no options of its own"
    assert (found[0].allowed, found[0].nearest) == ((), None)


def test_every_wrong_option_is_told() -> None:
    faults = fit_with({"style": "x", "level": 0, "a/b": 1, "loop": True})
    assert [fault.pointer.removeprefix("/provider_options/made/") for fault in faults] == [
        "style",
        "level",
        "a~1b",
    ]


def test_options_of_other_providers_are_none_of_its_business() -> None:
    request = request_for(WIDE, provider_options={"other": {"style": 7}})
    found = fit(request, MADE, "wide", public_url=True)
    assert isinstance(found, VideoSpec)
    assert found.options == {}


def test_an_option_that_is_refused_is_still_what_was_asked_for() -> None:
    given: dict[str, Any] = {"loop": "yes", "level": "x", "style": 7, "zz": ""}
    request = request_for(WIDE, provider_options={"made": given})
    assert spec_as_asked(request, MADE, "wide", WIDE).options == given
