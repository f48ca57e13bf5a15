"""The OpenAPI document, made from the routes that exist.

Each handler carries an `Operation`; schemas come from msgspec, which knows its own types
exactly. The document is the same bytes at every start.
"""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Response, route
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from gateway.api.auth import PUBLIC
from gateway.api.operation import FORM, JSON, READ, Answer, Operation, Parameter
from gateway.api.problems import MEDIA_TYPE, Problem
from gateway.api.whole import Whole
from gateway.routing.catalogue import Model

PATH: Final = "/openapi.json"
MODELS: Final = "x-filmgate-models"
"""Where the document holds the capability tables, as `GET /v1/models` shows them."""
BINARY: Final = {"type": "string", "format": "binary"}
REF: Final = "#/components/schemas/{name}"

_HEADERS: Final[dict[int, dict[str, str]]] = {
    401: {"WWW-Authenticate": "How to show a key."},
    409: {
        "Retry-After": "Seconds to wait, where waiting mends it.",
        "X-Should-Retry": "`false` where it does not; OpenAI's clients obey.",
    },
    416: {"Content-Range": "How many bytes there are."},
    429: {"Retry-After": "Seconds to wait."},
    503: {
        "Retry-After": "Seconds to wait.",
        "X-Should-Retry": "`false` where nobody knows whether it was done; OpenAI's clients obey.",
    },
}
"""What problem documents of a status carry besides."""


def document(routes: Iterable[Any], version: str, models: Sequence[Model]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these Litestar routes, and the tables of these models."""
    found = list(_operations(routes))
    types: list[Any] = [Problem, Model]
    for _, _, _, operation in found:
        types += [one for one in (operation.body, operation.form) if one is not None]
        types += [answer.body for answer in operation.answers.values() if _is_json(answer)]
    types = list(dict.fromkeys(types))
    schemas, components = msgspec.json.schema_components(types, ref_template=REF)
    refs = dict(zip(types, schemas, strict=True))
    for _, _, _, operation in found:
        if operation.files:
            name = _form_name(operation)
            components[name] = form(components[operation.form.__name__], operation.files)
    paths: dict[str, dict[str, Any]] = {}
    for path, method, handler, operation in found:
        told = {"operationId": _operation_id(method, handler), **_described(operation, refs)}
        if handler.opt.get("public"):
            told["security"] = []
        paths.setdefault(path, {})[method.lower()] = told
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Filmgate",
            "version": version,
            "summary": "One HTTP API for AI video generation; behind it, any provider.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"bearer": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": dict(sorted(components.items())),
        },
        MODELS: msgspec.to_builtins(models),
    }


def _operations(
    routes: Iterable[Any],
) -> Iterable[tuple[str, str, HTTPRouteHandler, Operation]]:
    for one in routes:
        if not isinstance(one, HTTPRoute):
            continue
        for handler in one.route_handlers:
            operation = handler.opt.get("operation")
            if isinstance(operation, Operation):
                for method in sorted(handler.http_methods):
                    yield one.path_format, method, handler, operation


def _operation_id(method: str, handler: HTTPRouteHandler) -> str:
    """`readVideo` for the handler `read_video`: what generated clients call it."""
    words = ([] if method != "HEAD" else ["head"]) + handler.handler_name.split("_")
    return words[0] + "".join(word.capitalize() for word in words[1:])


def _described(operation: Operation, refs: dict[Any, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": {
            str(status): _answer(answer, refs) for status, answer in operation.answers.items()
        },
    }
    for status in operation.problems:
        told["responses"][str(status)] = _problem(HTTPStatus(status).phrase + ".", refs, status)
    told["responses"]["default"] = _problem("Any other error.", refs)
    if operation.detail:
        told["description"] = operation.detail
    if operation.parameters:
        told["parameters"] = [_parameter(one) for one in operation.parameters]
    if content := _contents(operation, refs):
        told["requestBody"] = {"required": not operation.optional, "content": content}
    elif operation.any_body:
        told["requestBody"] = {"required": False, "content": {"*/*": {}}}
    return told


def _contents(operation: Operation, refs: dict[Any, Any]) -> dict[str, Any]:
    """What a body may be, by its media type."""
    content: dict[str, Any] = {}
    if operation.body is not None:
        content[JSON] = {"schema": refs[operation.body]}
    if operation.files:
        content[FORM] = {"schema": {"$ref": REF.format(name=_form_name(operation))}}
    elif operation.form is not None:
        content[FORM] = {"schema": refs[operation.form]}
    return content | {media_type: {"schema": BINARY} for media_type in operation.raw}


def _form_name(operation: Operation) -> str:
    return str(operation.form.__name__).removesuffix("Body") + "Form"


def form(schema: dict[str, Any], files: Sequence[str]) -> dict[str, Any]:
    """The schema of the form that stands for a JSON body: no nulls, and files in some places."""
    properties = {
        name: _field(value, file=name in files) for name, value in schema["properties"].items()
    }
    return {**schema, "properties": properties}


def _field(schema: dict[str, Any], *, file: bool) -> dict[str, Any]:
    kinds = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    rest = {name: value for name, value in schema.items() if name not in {"anyOf", "default"}}
    if not kinds:
        return schema
    if file:
        kinds.append(BINARY)
        if any(one.get("type") == "array" for one in kinds):
            kinds.append({"type": "array", "items": BINARY})
    return {**rest, **kinds[0]} if len(kinds) == 1 else {**rest, "anyOf": kinds}


def _problem(meaning: str, refs: dict[Any, Any], status: int = 0) -> dict[str, Any]:
    told: dict[str, Any] = {"description": meaning}
    if status in _HEADERS:
        told["headers"] = _headers(_HEADERS[status])
    return {**told, "content": {MEDIA_TYPE: {"schema": refs[Problem]}}}


def _headers(meanings: dict[str, str]) -> dict[str, Any]:
    return {
        name: {"description": meaning, "schema": {"type": "string"}}
        for name, meaning in meanings.items()
    }


def _answer(answer: Answer, refs: dict[Any, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"description": answer.meaning}
    if answer.headers:
        told["headers"] = _headers(answer.headers)
    if _is_json(answer):
        told["content"] = {JSON: {"schema": refs[answer.body]}}
    elif answer.body is bytes:
        told["content"] = {one: {"schema": BINARY} for one in answer.media_type.split(", ")}
    return told


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.required,
        "description": parameter.meaning,
        "schema": parameter.schema,
    }


def _is_json(answer: Answer) -> bool:
    return answer.body is not None and answer.media_type == JSON


def document_route(encoded: bytes) -> HTTPRouteHandler:
    """The route that serves the document."""

    @route(
        PATH,
        http_method=READ,
        status_code=200,
        opt={
            **PUBLIC,
            "operation": Operation(
                summary="This API as an OpenAPI document",
                tag="reference",
                answers={200: Answer(meaning="OpenAPI 3.1.", body=dict[str, Any])},
                problems=(400,),
            ),
        },
        media_type=JSON,
    )
    async def openapi_document() -> Response[bytes]:
        return Whole(encoded, status_code=200, media_type=JSON)

    return openapi_document
