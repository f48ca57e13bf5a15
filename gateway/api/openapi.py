"""The OpenAPI document, made from the routes that exist.

Each handler carries an `Operation`; schemas come from msgspec, which knows its own types
exactly. The document is the same bytes at every start.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Response, route
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from gateway.api.auth import PUBLIC
from gateway.api.operation import JSON, READ, Answer, Operation, Parameter
from gateway.api.problems import MEDIA_TYPE, Problem

PATH: Final = "/openapi.json"
REF: Final = "#/components/schemas/{name}"

_HEADERS: Final[dict[int, dict[str, str]]] = {
    401: {"WWW-Authenticate": "How to show a key."},
    416: {"Content-Range": "How many bytes there are."},
    503: {"Retry-After": "Seconds to wait."},
}
"""What problem documents of a status carry besides."""


def document(routes: Iterable[Any], version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these Litestar routes."""
    found = list(_operations(routes))
    types = [Problem]
    for _, _, _, operation in found:
        types += [operation.body] if operation.body else []
        types += [answer.body for answer in operation.answers.values() if _is_json(answer)]
    types = list(dict.fromkeys(types))
    schemas, components = msgspec.json.schema_components(types, ref_template=REF)
    refs = dict(zip(types, schemas, strict=True))
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
    if operation.body is not None:
        told["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": refs[operation.body]}},
        }
    elif operation.any_body:
        told["requestBody"] = {"required": False, "content": {"*/*": {}}}
    return told


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
        told["content"] = {answer.media_type: {"schema": {"type": "string", "format": "binary"}}}
    return told


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.required,
        "description": parameter.meaning,
        "schema": {"type": "string"},
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
            ),
        },
        media_type=JSON,
    )
    async def openapi_document() -> Response[bytes]:
        return Response(encoded, media_type=JSON)

    return openapi_document
