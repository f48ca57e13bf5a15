"""The control API's own OpenAPI document, from the route table and the handlers' own words."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mockserver.control.clock import Advance
from mockserver.control.jobs import Finish
from mockserver.control.worlds import Rewind
from mockserver.inbox.control import Scripted
from mockserver.settings import Settings
from mockserver.wire.http import Route

Document = dict[str, Any]

BASE = "/__mock"
BODIES: Mapping[str, Any] = {
    "POST /clock/advance": Advance,
    "POST /faults": list[str],
    "POST /jobs/{job}/finish": Finish,
    "POST /worlds/{name}": Settings,
    "POST /worlds/{name}/replay": Rewind,
    "PUT /inbox/{name}/script": Scripted,
}
"""What may be sent, by method and path."""

QUERIES: Mapping[str, Mapping[str, str]] = {
    "GET /journal": {
        "since": "Only lines after this number.",
        "job": "Only lines of this job: its id, its key, or `job2`.",
        "kind": "Only lines of this kind, such as `exchange`.",
        "brief": "`1` leaves out bodies and headers.",
    },
    "GET /events": {
        "since": "The id of the last event that was seen; `Last-Event-ID` does the same.",
        "brief": "`1` leaves out bodies and headers.",
    },
    "POST /worlds/{name}/replay": {
        "line": "Where the body is a world file: until this line of the journal is there.",
        "at": "Where the body is a world file: until this moment, in virtual seconds.",
    },
}
MEDIA: Mapping[str, str] = {
    "GET /events": "text/event-stream",
    "GET /jobs/{job}/film": "video/mp4",
    "GET /jobs/{job}/last-frame": "image/png",
    "GET /ui": "text/html",
    "GET /ui/{file}": "*/*",
}
"""What is answered that is no JSON."""
EMPTY = frozenset(
    {"DELETE ", "DELETE /faults", "DELETE /worlds/{name}", "DELETE /snapshots/{name}"}
)
"""What is answered by 204."""
MADE = frozenset(
    {
        "POST /worlds/{name}",
        "POST /worlds/{name}/replay",
        "POST /fork/{name}",
        "POST /snapshots/{name}",
    }
)
"""What is answered by 201."""
REFUSALS: Mapping[str, str] = {
    "400": "It cannot be read; `error` says what can.",
    "401": "The token is missing or another one.",
    "403": "A page of another site sent it.",
    "404": "It names something that is not there; `error` says what is.",
    "409": "It cannot be done as things stand.",
}


def document(routes: Sequence[Route], origin: str) -> Document:
    """The document.

    Args:
        routes: the whole route table; those of the providers are left out.
        origin: scheme and authority under which this mock is reached.
    """
    own = [route for route in routes if route.act == "control"]
    schemas, parts = msgspec.json.schema_components(
        [*BODIES.values()], ref_template="#/components/schemas/{name}"
    )
    bodies = dict(zip(BODIES, schemas, strict=True))
    paths: Document = {}
    for route in own:
        path = route.template.removeprefix(BASE)
        item = paths.setdefault(path or "/", {})
        item[route.method.lower()] = operation(route, path, bodies)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mock control",
            "version": "1",
            "description": "A hand on the mock. Each world has its own below `/~<world>/__mock`.",
        },
        "servers": [{"url": f"{origin}{BASE}"}],
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": {**parts, "Error": ERROR},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


ERROR: Document = {
    "type": "object",
    "properties": {"error": {"type": "string"}},
    "required": ["error"],
}


def operation(route: Route, path: str, bodies: Mapping[str, Document]) -> Document:
    """The Operation Object of a route; its words are the handler's docstring."""
    name = f"{route.method} {path}"
    summary, _, more = (route.handler.__doc__ or "").partition("\n")
    node: Document = {
        "operationId": operation_id(route.method, path),
        "summary": summary.strip(),
        "parameters": [*_in_path(path), *_in_query(name)],
        "responses": _answers(name),
    }
    if more.strip():
        node["description"] = " ".join(more.split())
    if name in bodies:
        node["requestBody"] = {"content": {"application/json": {"schema": bodies[name]}}}
    return node


def operation_id(method: str, path: str) -> str:
    """A name such as `post_jobs_job_finish`."""
    return "_".join([method.lower(), *re.findall(r"\w+", path)])


def _in_path(path: str) -> list[Document]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _in_query(name: str) -> list[Document]:
    return [
        {"name": key, "in": "query", "description": meaning, "schema": {"type": "string"}}
        for key, meaning in QUERIES.get(name, {}).items()
    ]


def _answers(name: str) -> Document:
    well: Document = {"description": "Done."}
    if name not in EMPTY:
        well["content"] = {MEDIA.get(name, "application/json"): {}}
    status = "204" if name in EMPTY else "201" if name in MADE else "200"
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    refusals = {key: {"description": text, "content": error} for key, text in REFUSALS.items()}
    return {status: well, **refusals}
