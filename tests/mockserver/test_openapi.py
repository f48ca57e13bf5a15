import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mockserver import Settings, World
from mockserver.openapi import PROVIDERS
from mockserver.openapi.pixverse_schemas import order_schema, schema_name
from mockserver.pictory.rules import FIELDS, MODELS
from mockserver.pictory.rules import faults_of as pictory_faults
from mockserver.pixverse.rules import ENDPOINTS, Endpoint
from mockserver.pixverse.rules import faults_of as pixverse_faults
from tests.mockserver.contract import documents
from tests.mockserver.drivers import Open
from tests.mockserver.schema import faults, fits, resolved

BASES = {"pictory": "/pictoryapis", "pixverse": "/v2/pixverse"}
METHODS = {"get", "post", "delete"}
PICTURE, FILM, VIDEO = "upload/a.png", "upload/a.mp4", "user:1-pixverse:a@example.com-video:5"
UPLOADS = (PICTURE, FILM)
REFERENCES = {
    "first_frame_path": PICTURE,
    "last_frame_path": PICTURE,
    "video_path": FILM,
    "video_id": VIDEO,
}
EVERY_PROVIDER = pytest.mark.parametrize("name", PROVIDERS)


def nodes(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every object and list of a document, by its place."""
    yield path, node
    if isinstance(node, dict):
        for key, each in node.items():
            if key not in {"example", "examples", "default", "enum"}:
                yield from nodes(each, f"{path}/{key}")
    elif isinstance(node, list):
        for index, each in enumerate(node):
            yield from nodes(each, f"{path}/{index}")


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


@EVERY_PROVIDER
async def test_the_document_is_served_as_it_is_made(opened: Open, name: str) -> None:
    async with opened() as (_, client):
        served = await client.http.get(f"/__mock/openapi/{name}.json")
        summary = (await client.http.get("/__mock")).json()

        assert served.json() == json.loads(json.dumps(documents()[name]))
        assert f"/__mock/openapi/{name}.json" in summary["openapi"]
        for other in ("nothing.json", name):
            assert (await client.http.get(f"/__mock/openapi/{other}")).status_code == 404


@EVERY_PROVIDER
def test_every_route_of_the_provider_is_described_and_no_other(name: str) -> None:
    described = {
        (method.upper(), BASES[name] + path) for path, method, _ in operations(documents()[name])
    }
    routes = World(settings=Settings(clock="frozen")).routes
    own = {
        (route.method, route.template)
        for route in routes
        if route.template.startswith(BASES[name] + "/")
    }

    assert described == own


@EVERY_PROVIDER
def test_the_document_has_the_form_of_openapi(name: str) -> None:
    document = documents()[name]
    assert document["openapi"] == "3.1.0"
    assert set(document["info"]) >= {"title", "version"}
    ids = []
    for path, method, operation in operations(document):
        assert path.startswith("/")
        assert method in METHODS
        ids.append(operation["operationId"])
        templated = {part[1:-1] for part in path.split("/") if part.startswith("{")}
        in_path = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
        assert in_path == templated
        assert all(each["required"] for each in operation["parameters"] if each["in"] == "path")
        assert operation["responses"]
        for status, response in operation["responses"].items():
            assert status.isdecimal()
            assert response["description"]
    assert len(set(ids)) == len(ids)
    schemes = document["components"]["securitySchemes"]
    assert all(set(need) <= set(schemes) for need in document["security"])
    for _, node in nodes(document):
        if isinstance(node, dict) and "$ref" in node:
            assert resolved(node["$ref"], document)


@EVERY_PROVIDER
def test_every_part_says_how_well_it_is_known_and_from_where(name: str) -> None:
    document = documents()[name]
    parts = []
    for path, method, operation in operations(document):
        place = f"{method} {path}"
        parts.append((place, operation))
        parts += [(f"{place} {each['name']}", each) for each in operation["parameters"]]
        parts += [(f"{place} {key}", each) for key, each in operation["responses"].items()]
    for place, node in nodes(document):
        # Where alternatives repeat a property, it is described at its own place.
        if place.endswith("/properties") and "Of/" not in place and "/then/" not in place:
            parts += [(f"{place}/{key}", each) for key, each in node.items()]

    unmarked = [
        place
        for place, part in parts
        if part.get("x-evidence") not in {"documented", "inferred", "invented"}
        or not part.get("x-source")
    ]
    assert unmarked == []
    assert len(parts) > 50


@EVERY_PROVIDER
def test_sources_are_pages_not_files_of_a_machine(name: str) -> None:
    text = json.dumps(documents()[name])

    assert "/work" not in text
    assert "seed 0" not in text
    assert ".txt" not in text


@EVERY_PROVIDER
def test_every_example_fits_its_schema(name: str) -> None:
    document = documents()[name]
    checked = 0
    for _, _, operation in operations(document):
        for response in operation["responses"].values():
            for media in response.get("content", {}).values():
                for example in media["examples"].values():
                    value = example["value"]
                    assert list(faults(media["schema"], value, document)) == []
                    checked += 1
    for schema in document["components"]["schemas"].values():
        for example in schema.get("examples", ()):
            assert list(faults(schema, example, document)) == []
            checked += 1

    assert checked > 20


def good_values(schema: Any) -> st.SearchStrategy[Any]:
    """Values about the limits that the schema names."""
    near = [schema.get(key) for key in ("minLength", "maxLength", "minimum", "maximum")]
    limits = [limit + step for limit in near if limit is not None for step in (-1, 0, 1)]
    texts = [letter * max(0, limit) for limit in limits if limit < 10_000 for letter in "x😀"]
    numbers = [limit for limit in limits if abs(limit) < 2**63]
    return st.sampled_from([*schema.get("enum", []), *texts, *numbers, ""])


LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: value % 1 != 0)
    | st.text(LETTERS),
    lambda inner: st.lists(inner, max_size=4),
)
URIS = st.sampled_from(
    ["https://example.com/a.png", "http://127.0.0.1:1/x", "", "a.png", "ftp://x"]
)


def valid_body(endpoint: Endpoint) -> dict[str, str]:
    if "video_path" in endpoint.fields:
        return {"prompt": "dawn", "video_path": FILM}
    return {"prompt": "dawn", "first_frame_path": PICTURE, "last_frame_path": PICTURE}


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_pixverse_schemas_and_rules_agree_on_every_single_field(data: st.DataObject) -> None:
    endpoint = data.draw(st.sampled_from(ENDPOINTS))
    document = documents()["pixverse"]
    schema = document["components"]["schemas"][schema_name(endpoint)]
    name = data.draw(st.sampled_from(list(endpoint.fields)))
    values = good_values(schema["properties"][name]) | ANY | st.just(REFERENCES.get(name))
    value = data.draw(values)
    if name in REFERENCES and isinstance(value, str):
        # No schema knows the uploads: a text that names none is for the rules alone.
        assume(value in {"", REFERENCES[name]} or len(value) > 1024)
    body = valid_body(endpoint) | {name: value}

    judged = pixverse_faults(endpoint, body, UPLOADS, videos=(VIDEO,))

    assert fits(schema, body, document) is (judged == []), judged


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_pictory_schema_and_rules_agree_on_every_single_field(data: st.DataObject) -> None:
    document = documents()["pictory"]
    schema = document["components"]["schemas"]["VideoOrder"]
    body: dict[str, Any] = {"prompt": "A drone over a forest"}
    if (model := data.draw(st.sampled_from([None, *MODELS]))) is not None:
        body["model"] = model
    if data.draw(st.booleans()):
        body["firstFrameImageUrl"] = "https://example.com/first.png"
    name = data.draw(st.sampled_from(list(FIELDS)))
    lists = st.lists(URIS, max_size=5)
    body[name] = data.draw(good_values(schema["properties"][name]) | ANY | URIS | lists)

    judged = pictory_faults(body)

    assert fits(schema, body, document) is (judged == []), judged


def test_an_order_needs_one_of_what_the_rules_name() -> None:
    document = documents()["pixverse"]
    for endpoint in ENDPOINTS:
        schema = order_schema(endpoint)
        for chosen in ((), ("video_id",), ("video_id", "video_path"), ("prompt",)):
            whole = {"prompt": "dawn", **REFERENCES}
            body = {key: whole[key] for key in ("prompt", *chosen) if key in endpoint.fields}
            judged = pixverse_faults(endpoint, body, UPLOADS, videos=(VIDEO,))
            assert fits(schema, body, document) is (judged == []), (endpoint.path, body, judged)
