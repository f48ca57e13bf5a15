"""Holds what the mock answers against its own OpenAPI documents."""

from functools import cache
from typing import Any

import httpx

from mockserver import Settings, World
from mockserver.openapi import PROVIDERS, document_of
from tests.mockserver.schema import faults, undeclared

ORIGIN = "http://mock.test"


@cache
def documents() -> dict[str, Any]:
    """The documents by provider; they depend on tables only."""
    routes = World(settings=Settings(clock="frozen")).routes
    return {name: document_of(name, routes, ORIGIN) for name in PROVIDERS}


@cache
def operations() -> dict[str, tuple[Any, Any]]:
    """Every operation by its name, with the document it stands in."""
    return {
        operation["operationId"]: (operation, document)
        for document in documents().values()
        for item in document["paths"].values()
        for operation in item.values()
    }


async def check(mock: World, response: httpx.Response) -> None:
    """Asserts that the document of the operation knows the answer."""
    path = response.request.url.raw_path.decode().partition("?")[0]
    entries = (one for one in reversed(mock.journal.requests) if one.path == path)
    entry = next(entries, None)
    if entry is None or entry.operation not in operations():
        return
    operation, document = operations()[entry.operation]
    status = str(response.status_code)
    assert status in operation["responses"], f"{entry.operation} answers {status}"
    content = operation["responses"][status].get("content", {})
    await response.aread()
    if not response.content:
        assert not content, f"{entry.operation} answers {status} without a body"
        return
    media = response.headers["content-type"].partition(";")[0]
    schema = content[media]["schema"]
    value = response.json() if media == "application/json" else response.text
    assert list(faults(schema, value, document)) == []
    assert list(undeclared(schema, value, document)) == []
