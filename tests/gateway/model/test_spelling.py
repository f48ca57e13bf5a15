import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import FieldFault
from gateway.model.parse import as_spelled
from tests.gateway.model.reading_support import URL, parsed
from tests.strategies import CALM


def fault(pointer: str, target: str | None = None, **values: object) -> FieldFault:
    return FieldFault(pointer=pointer, code="c", detail=f"of {pointer}", target=target, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "pointer", "told"),
    [
        ({"duration": 7}, "/seconds", "/duration"),
        ({"seconds": 7}, "/seconds", "/seconds"),
        ({"images": [URL, URL]}, "/reference_images/1", "/images/1"),
        ({"images": URL}, "/reference_images/0", "/images"),
        ({"images": URL}, "/reference_images", "/images"),
        ({"reference_images": URL}, "/reference_images/0", "/reference_images"),
        ({"reference_images": [URL]}, "/reference_images/0", "/reference_images/0"),
        ({"reference_images": f'["{URL}", "{URL}"]'}, "/reference_images/1", "/reference_images/1"),
        (
            {"frame_images": [{"frame_type": "last_frame", "url": URL}]},
            "/last_frame",
            "/frame_images/0",
        ),
        ({"fallbacks": ["a", "b"]}, "/routing/fallbacks/1", "/fallbacks/1"),
        ({"routing": {"fallbacks": ["a"]}}, "/routing/fallbacks/0", "/routing/fallbacks/0"),
        ({"extra_params": {"p": {}}}, "/provider_options/p/x", "/extra_params/p/x"),
        ({"provider": {"options": {}}}, "/provider_options/p/x", "/provider/options/p/x"),
        ({"replyRef": "a"}, "/metadata/replyRef", "/replyRef"),
        ({"input_reference": URL}, "/first_frame", "/input_reference"),
        ({}, "/model", "/model"),
        ({}, "", ""),
        ({"duration": 7}, "/secondsx", "/secondsx"),
    ],
)
def test_a_later_fault_is_told_where_the_caller_wrote_it(
    body: dict[str, object], pointer: str, told: str
) -> None:
    spelled = parsed({"prompt": "a"} | body).spelled
    (found,) = as_spelled([fault(pointer)], spelled)
    assert (found.pointer, found.code, found.detail) == (told, "c", f"of {pointer}")


def test_what_is_wrong_with_a_size_is_one_fault_of_each_target() -> None:
    spelled = parsed({"prompt": "a", "size": "1024x1792", "quality": None}).spelled
    told = as_spelled(
        [
            fault("/prompt", "a/x"),
            fault("/aspect_ratio", "a/x", allowed=("16:9", "9:16")),
            fault("/seconds", "a/x"),
            fault("/resolution", "a/x", allowed=("720p", "1080p")),
            fault("/resolution", "b/y", allowed=("1080p",)),
            fault("/aspect_ratio", "c/z"),
        ],
        spelled,
    )
    assert [(one.target, one.pointer, one.allowed, one.nearest) for one in told] == [
        ("a/x", "/prompt", (), None),
        (
            "a/x",
            "/size",
            ("1280x720", "1920x1080", "720x1280", "1080x1920"),
            "1080x1920",
        ),
        ("a/x", "/seconds", (), None),
        ("b/y", "/size", ("1080x1890",), "1080x1890"),
        ("c/z", "/size", (), None),
    ]
    assert told[1].detail == "of /aspect_ratio; of /resolution"


def test_a_size_that_would_be_refused_in_turn_is_not_offered() -> None:
    spelled = parsed({"prompt": "a", "size": "16384x16"}).spelled
    (alone,) = as_spelled([fault("/resolution", "a/x", allowed=("720p",))], spelled)
    assert (alone.pointer, alone.allowed, alone.nearest) == ("/size", (), None)
    (some,) = as_spelled([fault("/resolution", "a/x", allowed=("720p", "16p"))], spelled)
    assert (some.allowed, some.nearest) == (("16384x16",), "16384x16")


@CALM
@given(st.lists(st.sampled_from(["/aspect_ratio", "/resolution", "/seed", "/size"]), max_size=6))
def test_without_a_size_no_fault_is_lost(pointers: list[str]) -> None:
    faults = [fault(pointer) for pointer in pointers]
    assert as_spelled(faults, {}) == tuple(faults)
