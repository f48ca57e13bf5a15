from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.aliases import FIELDS, NAMES
from gateway.model.body import CreateVideoBody, Fields
from gateway.model.parse import READERS, Parsed, parse_create
from gateway.model.request import CreateVideo, Routing
from tests.gateway.model.reading_support import LIKELY, URL, brief, fit_the_document
from tests.strategies import CALM, objects

SCHEMAS = msgspec.json.schema_components([CreateVideoBody])[1]


def test_the_documented_body_has_every_name_that_is_read() -> None:
    assert set(CreateVideoBody.__struct_fields__) == set(NAMES)
    assert Fields.__struct_fields__ == FIELDS


def test_every_field_of_a_request_is_read_from_some_name() -> None:
    whole = {f"/{name}" for name in CreateVideo.__struct_fields__ if name != "routing"}
    parts = {f"/routing/{name}" for name in Routing.__struct_fields__}
    assert set(READERS) == whole | parts | {"/size", "/n", "/metadata/replyRef"}


def test_every_field_is_described_may_be_left_out_and_may_be_null() -> None:
    properties = SCHEMAS["CreateVideoBody"]["properties"]
    for field in msgspec.structs.fields(CreateVideoBody):
        assert field.default is None
        assert properties[field.name]["description"]
        assert {"type": "null"} in properties[field.name]["anyOf"]
    assert not SCHEMAS["CreateVideoBody"].get("required")


def test_no_object_takes_other_members() -> None:
    for name, schema in SCHEMAS.items():
        assert schema["additionalProperties"] is False, name
    assert set(SCHEMAS) == {
        "CreateVideoBody",
        "FrameImage",
        "InputObject",
        "ProviderObject",
        "RoutingObject",
        "UrlObject",
    }


@CALM
@given(objects(*NAMES, likely=st.sampled_from(LIKELY)))
def test_what_fits_the_documented_body_has_no_unknown_field(body: dict[str, Any]) -> None:
    try:
        fit_the_document(body)
    except msgspec.ValidationError:
        return
    found = parse_create({"prompt": "a"} | body)
    for fault in () if isinstance(found, Parsed) else found.faults:
        assert fault.code != "unknown_field" or is_text(body, fault.pointer)


def is_text(body: Any, pointer: str) -> bool:
    """Whether the place is inside JSON text, which no schema sees."""
    for name in pointer.split("/")[1:]:
        if isinstance(body, str):
            return True
        body = body[int(name)] if isinstance(body, list) else body.get(name)
    return False


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": 7},
        {"seconds": 8.5},
        {"seconds": "8 s"},
        {"seed": "x"},
        {"seed": 2**63},
        {"n": 2},
        {"remove_watermark": "yes"},
        {"size": "big"},
        {"first_frame": [URL]},
        {"first_frame": {"link": URL}},
        {"first_frame": {"video": "a b"}},
        {"first_frame": {"video": "v", "frame": "middle"}},
        {"reference_images": []},
        {"reference_images": [URL] * 51},
        {"frame_images": [{"url": URL}]},
        {"metadata": {"a": 1}},
        {"metadata": {"a" * 65: ""}},
        {"metadata": {f"k{n}": "" for n in range(17)}},
        {"provider_options": {"a": 1}},
        {"provider_options": {"a": {"b": 1.5}}},
        {"provider": {"order": []}},
        {"routing": {"deadline": 0}},
        {"routing": {"max_cost": "1e3"}},
        {"routing": {"max_price": "1"}},
        {"routing": {"priority": "urgent"}},
        {"routing": {"priority": 1}},
        {"fallbacks": []},
        {"promt": "a"},
    ],
    ids=brief,
)
def test_what_the_documented_body_refuses_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        fit_the_document({"prompt": "a"} | body)
    assert not isinstance(parse_create({"prompt": "a"} | body), Parsed)
