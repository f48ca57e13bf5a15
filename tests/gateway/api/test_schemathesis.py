"""What the OpenAPI document promises holds, over requests that schemathesis makes and judges."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup

from gateway.app import build
from gateway.net import Upstream
from tests.gateway.api.conftest import KEY, OPERATOR, bearer
from tests.gateway.api.conftest import settings as gate_settings
from tests.strategies import CALM

JSON: Final = "application/json"
FORM: Final = "multipart/form-data"
EXAMPLES: Final = 15
"""Requests a route; right ones and wrong ones."""

CONFIG: Final = SchemathesisConfig.from_dict(
    {
        # The one kind of key that every route takes.
        "headers": bearer(OPERATOR),
        "checks": {
            # It takes the key away by other means than the ones it is given here; test_auth.py
            # goes through every route.
            "ignored_auth": {"enabled": False},
            # Whatever the schema allows may still ask for what no provider makes (422), be about
            # nothing there is (404), or come too early (409); but it is never malformed (400).
            "positive_data_acceptance": {
                "expected-statuses": ["2xx", 401, 404, 409, 412, 413, 416, 422, 429]
            },
        },
    }
)


def _refuse(request: httpx.Request) -> httpx.Response:
    """Providers that refuse everything, and pictures that nobody has."""
    status = 400 if request.method == "POST" else 404
    return httpx.Response(status, json={"error": "no", "message": "no"})


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The document of an application that schemathesis runs in this process."""
    folder: Path = tmp_path_factory.mktemp("gate")
    wire = httpx.MockTransport(_refuse)
    upstream = Upstream((), provider_transport=wire, media_transport=wire)
    app = asyncio.run(build(gate_settings(folder, KEY), upstream=upstream))

    async def standing(scope: Any, receive: Any, send: Any) -> None:
        """The application with an engine that stands still, started and stopped by nobody."""
        assert scope["type"] == "http"
        await app(scope, receive, send)

    yield schemathesis.openapi.from_asgi("/openapi.json", standing, config=CONFIG)
    app.state.engine.tools.database.close()


def can_be_wrong(operation: Any) -> bool:
    """Whether a request may break its schema: in a path, a header or raw bytes any text is one.

    To look for a fault where none can be takes longer than all other requests together.
    """
    in_query = any(one.location.value == "query" for one in operation.iter_parameters())
    return in_query or any(body.media_type == JSON for body in operation.body)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_answer_is_as_documented_and_no_valid_request_is_malformed(
    api: Any, mode: GenerationMode
) -> None:
    operations = [found.ok() for found in api.get_all_operations()]
    assert len(operations) > 20
    if mode is GenerationMode.NEGATIVE:
        operations = [one for one in operations if can_be_wrong(one)]
        assert len(operations) > 10

    def check(operation: Any) -> None:
        @settings(CALM, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy(generation_mode=mode))
        def one(case: Any) -> None:
            # A form is text: "null" is as good a word there as any, so no type can be wrong.
            assume(mode is GenerationMode.POSITIVE or case.media_type != FORM)
            case.call_and_validate()

        one()

    wrong: list[FailureGroup] = []
    for operation in operations:
        try:
            check(operation)
        except FailureGroup as failure:
            wrong.append(failure)
    assert not wrong, "\n\n".join(map(str, wrong))
