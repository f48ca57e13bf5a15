import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from gateway.api.once import REPLAYED
from gateway.app import build
from gateway.model.body import CreateVideoBody
from gateway.net import Upstream
from tests.gateway.api.conftest import PROMPT, Gate, in_process, settings

PAGES = {"/docs", "/docs/reference.css"}
"""For people; everything else is in the document."""


@pytest.fixture
async def document(gate: Gate) -> dict[str, Any]:
    told: dict[str, Any] = (await gate.client.get("/openapi.json")).json()
    return told


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from nodes(inner)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def routes(app: Litestar) -> set[tuple[str, str]]:
    return {
        (route.path_format, method.lower())
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods
        if method != "OPTIONS"
    }


def test_the_document_and_the_routes_are_the_same(gate: Gate, document: dict[str, Any]) -> None:
    told = {(path, method) for path, method, _ in operations(document)}
    assert told == {one for one in routes(gate.app) if one[0] not in PAGES}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    refs = [node["$ref"] for node in nodes(document) if isinstance(node.get("$ref"), str)]
    assert refs
    for ref in refs:
        at: Any = document
        for part in ref.removeprefix("#/").split("/"):
            at = at[part]


def test_no_type_is_described_in_vain(document: dict[str, Any]) -> None:
    refs = {node["$ref"].rsplit("/", 1)[-1] for node in nodes(document) if "$ref" in node}
    assert set(document["components"]["schemas"]) == refs


def test_it_has_what_openapi_asks_of_it(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert {"title", "version"} <= set(document["info"])
    assert document["security"] == [{"bearer": []}]
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["responses"], where
        for answer in operation["responses"].values():
            assert answer["description"], where
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch("[a-z][A-Za-z]+", one) for one in ids)


def test_path_parameters_are_declared_and_required(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        told = {
            one["name"]: one["required"]
            for one in operation.get("parameters", ())
            if one["in"] == "path"
        }
        assert told == dict.fromkeys(re.findall(r"{(\w+)}", path), True), path


def test_every_operation_documents_its_problems(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        answers = operation["responses"]
        assert "default" in answers
        for status, answer in answers.items():
            if status == "default" or int(status) >= 400:
                [media] = answer["content"].values()
                assert media["schema"] == {"$ref": "#/components/schemas/Problem"}
                assert list(answer["content"]) == ["application/problem+json"]
        public = operation.get("security") == []
        assert ("401" in answers) is not public, path
        if "requestBody" in operation:
            assert {"408", "413"} <= set(answers), path
        assert method != "get" or set(answers) == set(document["paths"][path]["head"]["responses"])


def test_it_is_told_when_to_ask_again_and_when_not_to(document: dict[str, Any]) -> None:
    wanted = {
        "409": {"Retry-After", "X-Should-Retry"},
        "429": {"Retry-After"},
        "503": {"Retry-After", "X-Should-Retry"},
    }
    seen = set()
    for path, _, operation in operations(document):
        for status in wanted.keys() & operation["responses"].keys():
            assert set(operation["responses"][status]["headers"]) == wanted[status], path
            seen.add(status)
    assert seen == set(wanted)


def test_the_create_body_takes_no_other_fields(document: dict[str, Any]) -> None:
    schema = document["components"]["schemas"]["CreateVideoBody"]
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(CreateVideoBody.__struct_fields__)
    assert document["components"]["schemas"]["UrlObject"]["additionalProperties"] is False


def test_a_form_may_carry_files_and_no_nulls(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    binary = {"type": "string", "format": "binary"}
    for path, name, fields in [
        ("/v1/videos", "CreateVideoForm", {"first_frame", "reference_images", "input_reference"}),
        ("/v1/videos/quote", "CreateVideoForm", {"last_frame", "extend_video"}),
        ("/v1/videos/extensions", "ExtendVideoForm", {"video"}),
    ]:
        content = document["paths"][path]["post"]["requestBody"]["content"]
        assert set(content) == {"application/json", "multipart/form-data"}
        assert content["multipart/form-data"]["schema"]["$ref"].endswith(f"/{name}")
        properties = schemas[name]["properties"]
        for field in fields:
            assert binary in properties[field]["anyOf"]
        for value in properties.values():
            assert {"type": "null"} not in value.get("anyOf", ())
    upload = document["paths"]["/v1/files"]["post"]["requestBody"]["content"]
    assert set(upload) == {"multipart/form-data", "image/*", "video/*"}


def test_parameters_say_what_they_take(document: dict[str, Any]) -> None:
    parameters = {one["name"]: one for one in document["paths"]["/v1/videos"]["get"]["parameters"]}
    assert parameters["limit"]["schema"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 100,
        "default": 20,
    }
    assert parameters["order"]["schema"]["enum"] == ["asc", "desc"]
    assert parameters["status"]["schema"]["type"] == "array"


async def test_options_names_every_method_of_a_path(gate: Gate, document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        answer = await gate.client.options(path.replace("{", "").replace("}", ""))
        assert answer.status_code == 204, path
        told = set(answer.headers["allow"].split(", "))
        assert told == {method.upper() for method in methods} | {"OPTIONS"}, path


async def test_answers_have_the_members_the_document_names(
    gate: Gate, document: dict[str, Any]
) -> None:
    schemas = document["components"]["schemas"]
    created = await gate.client.post("/v1/videos", json={"prompt": PROMPT})
    read = await gate.client.get(created.json()["urls"]["self"])
    finished = await gate.client.get(f"/v1/videos/{(await gate.job()).id}")
    for answer in (created, read, finished):
        assert set(answer.json()) == set(schemas["Video"]["properties"])
    assert set(finished.json()["output"]) == set(schemas["Output"]["properties"])
    refused = await gate.client.get("/nope")
    assert set(refused.json()) == set(schemas["Problem"]["properties"])
    for name in document["paths"]["/v1/videos"]["post"]["responses"]["202"]["headers"]:
        # Only of a repetition; see test_once.py.
        assert (name in created.headers) is (name != REPLAYED)


async def test_it_is_the_same_bytes_at_every_start(gate: Gate, tmp_path: Path) -> None:
    first = await gate.client.get("/openapi.json")
    other = tmp_path / "other"
    other.mkdir()
    upstream = Upstream(())
    again = await build(settings(other), upstream=upstream)
    try:
        async with httpx.AsyncClient(
            transport=in_process(again), base_url="http://b.test"
        ) as client:
            assert (await client.get("/openapi.json")).content == first.content
    finally:
        await upstream.aclose()
        again.state.engine.tools.database.close()


def test_a_process_that_made_the_document_ends_without_a_crash() -> None:
    """msgspec 0.22 corrupts memory where a union joins a string with a pattern to a container."""
    program = (
        "import msgspec\n"
        "from gateway.api.bodies import ExtendVideoBody\n"
        "from gateway.model.body import CreateVideoBody\n"
        "msgspec.json.schema_components([CreateVideoBody, ExtendVideoBody])\n"
    )
    # In this mode the collector's last round meets the corruption every time.
    ended = subprocess.run([sys.executable, "-X", "dev", "-c", program], check=False)
    assert ended.returncode == 0
