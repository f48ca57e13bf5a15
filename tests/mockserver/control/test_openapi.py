import re

import pytest

from mockserver import Settings
from mockserver.control.api import ROUTES
from mockserver.control.openapi import BODIES, EMPTY, MADE, MEDIA, QUERIES
from tests.mockserver.control.conftest import Open

NAMES = {f"{route.method} {route.template.removeprefix('/__mock')}" for route in ROUTES}


@pytest.mark.parametrize("table", [BODIES, QUERIES, MEDIA, EMPTY, MADE])
def test_the_tables_of_the_document_speak_of_routes_that_exist(table: set[str]) -> None:
    assert set(table) <= NAMES


async def test_every_route_is_in_the_document_with_words_of_its_own(opened: Open) -> None:
    async with opened() as hand:
        document = await hand.get("/openapi/control.json")

    operations = {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    ids = [operation["operationId"] for operation in operations.values()]
    assert operations.keys() == {f"{name}/" if name.endswith(" ") else name for name in NAMES}
    assert all(operation["summary"].endswith(".") for operation in operations.values())
    assert len(set(ids)) == len(ids)


async def test_all_references_of_the_document_lead_somewhere(opened: Open) -> None:
    async with opened() as hand:
        text = (await hand.http.get("/__mock/openapi/control.json")).text
        schemas = (await hand.get("/openapi/control.json"))["components"]["schemas"]

    assert set(re.findall(r'"#/components/schemas/(\w+)"', text)) <= schemas.keys()
    assert set(schemas["Settings"]["properties"]) == set(Settings.__struct_fields__)
