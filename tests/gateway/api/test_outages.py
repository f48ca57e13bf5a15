"""While the database is away every route that needs it answers 503, and says when to come back."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar.routes import HTTPRoute

from gateway.storage import StorageError, UncertainError
from tests.gateway.api.conftest import OPERATOR, PICTURE, PROMPT, Gate, bearer, raising

WITHOUT = {
    "/docs",
    "/docs/reference.css",
    "/livez",
    "/openapi.json",
    "/v1/models",
    "/v1/models/{model_id}",
    "/v1/files/signed/{name}",
}
"""What is answered without the database."""
PLACES = {"video_id": "video_" + "0" * 26, "file_id": "file_" + "0" * 26, "name": "pictory"}
FORM = {"files": {"file": ("a.png", PICTURE)}}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/videos": {"json": {"prompt": PROMPT}},
    "/v1/videos/quote": {"json": {"prompt": PROMPT}},
    "/v1/videos/extensions": {
        "json": {"prompt": PROMPT, "model": "pictory/veo3.1", "video": {"id": PLACES["video_id"]}}
    },
    "/v1/videos/{video_id}/adopt": {"json": {"upstream_id": "a"}},
    "/v1/files": FORM,
}


@pytest.fixture
async def away(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gate]:
    """A gateway whose database has gone; the client shows the operator's key."""
    gate.client.headers.update(bearer(OPERATOR))
    with monkeypatch.context() as patch:
        for how in ("read", "write"):
            patch.setattr(gate.tools.database, how, raising(StorageError("gone")))
        yield gate


def operations(gate: Gate) -> list[tuple[str, str]]:
    return [
        (method, route.path_format)
        for route in gate.app.routes
        if isinstance(route, HTTPRoute)
        for method in sorted(route.methods)
        if method != "OPTIONS"
    ]


async def ask(gate: Gate, method: str, path: str) -> httpx.Response:
    there = path.format(**PLACES, model_id="default", provider="pictory", token="t" * 43)
    options = BODIES.get(path, {}) if method == "POST" else {}
    return await gate.client.request(method, there, **options)


async def test_every_route_that_needs_the_database_answers_503(away: Gate) -> None:
    for method, path in operations(away):
        answer = await ask(away, method, path)
        if path in WITHOUT:
            assert answer.status_code in {200, 404}, (method, path)
            continue
        assert answer.status_code == 503, (method, path, answer.text)
        assert int(answer.headers["retry-after"]) >= 1, (method, path)
        assert "x-should-retry" not in answer.headers, (method, path)
        if method != "HEAD":
            assert answer.json()["code"] == "unavailable"
            assert "gone" not in answer.text


async def test_a_write_whose_outcome_is_lost_is_not_to_be_repeated_blindly(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.client.headers.update(bearer(OPERATOR))
    monkeypatch.setattr(gate.tools.database, "write", raising(UncertainError("gone")))
    for path in (
        "/v1/accounts/{name}/pause",
        "/v1/accounts/{name}/resume",
        "/v1/videos/{video_id}/adopt",
        "/v1/videos/{video_id}/cancel",
        "/v1/videos/{video_id}/fail",
        "/v1/videos/{video_id}/resubmit",
    ):
        answer = await ask(gate, "POST", path)
        assert answer.status_code == 503, path
        assert answer.headers["x-should-retry"] == "false", path


async def test_a_wrong_key_is_told_from_a_right_one_all_the_same(away: Gate) -> None:
    answer = await away.client.get("/v1/videos", headers=bearer("wrong"))
    assert answer.status_code == 401


async def test_a_film_that_was_found_is_sent_though_the_database_goes_meanwhile(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await gate.content()
    found = await gate.client.get(path)
    with monkeypatch.context() as patch:
        patch.setattr(gate.tools.database, "read", raising(StorageError("gone")))
        assert (await gate.client.get(path)).status_code == 503
    assert (await gate.client.get(path)).content == found.content


async def test_an_accepted_job_is_told_of_though_nothing_more_can_be_read(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, headers = {"prompt": PROMPT}, {"idempotency-key": "a"}
    first = await gate.client.post("/v1/videos", json=body, headers=headers)
    accept = gate.engine.accept

    async def then_gone(*given: Any) -> Any:
        accepted = await accept(*given)
        monkeypatch.setattr(gate.tools.database, "read", raising(StorageError("gone")))
        return accepted

    monkeypatch.setattr(gate.engine, "accept", then_gone)
    again = await gate.client.post("/v1/videos", json=body, headers=headers)
    assert (again.status_code, again.json()["timeline"]) == (202, [])
    assert again.json()["id"] == first.json()["id"]
