"""What operators decide about videos that are stuck."""

import asyncio
from typing import Any

import pytest

from gateway.model.phases import Phase
from gateway.storage import StorageError
from tests.gateway.api.conftest import Gate, Opened, raising
from tests.gateway.api.operators_support import UPSTREAM, VERBS, stuck


@pytest.mark.parametrize("phase", [Phase.NEEDS_ATTENTION, Phase.SUBMISSION_UNKNOWN])
async def test_an_operator_says_which_job_of_the_providers_it_is(
    operator: Gate, phase: Phase
) -> None:
    video = await stuck(operator, phase)
    answer = await operator.client.post(f"/v1/videos/{video}/adopt", json={"upstream_id": UPSTREAM})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["phase"], answer.json()["upstream_id"]) == ("rendering", UPSTREAM)
    other = await stuck(operator, phase)
    again = await operator.client.post(f"/v1/videos/{other}/adopt", json={"upstream_id": UPSTREAM})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert again.headers["x-should-retry"] == "false"
    odd = await operator.client.post(f"/v1/videos/{other}/adopt", json={"upstream_id": "112233"})
    assert (odd.status_code, odd.json()["code"]) == (422, "invalid_request")
    assert odd.json()["errors"][0]["pointer"] == "/upstream_id"


@pytest.mark.parametrize(
    "options", [{}, {"json": {}}, {"headers": {"content-type": "application/json"}}]
)
async def test_an_operator_sends_a_video_again(operator: Gate, options: dict[str, Any]) -> None:
    video = await stuck(operator)
    answer = await operator.client.post(f"/v1/videos/{video}/resubmit", **options)
    assert (answer.status_code, answer.json()["phase"]) == (200, "waiting_for_slot")
    assert answer.json()["queue"]["position"] == 1
    assert answer.json()["timeline"][-1]["event"] == "resubmitted"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "the operator gave it up"),
        ({"json": {"reason": "nobody needs it"}}, "nobody needs it"),
        ({"json": {}}, "the operator gave it up"),
        ({"json": {"reason": None}}, "the operator gave it up"),
    ],
)
async def test_an_operator_gives_a_video_up(
    operator: Gate, options: dict[str, Any], words: str
) -> None:
    video = await stuck(operator)
    answer = await operator.client.post(f"/v1/videos/{video}/fail", **options)
    assert answer.status_code == 200, answer.text
    error = answer.json()["error"]
    assert error == {"code": "given_up", "message": words, "blame": "operator"}


@pytest.mark.parametrize(("verb", "body"), VERBS)
async def test_only_what_is_stuck_can_be_decided_about(
    operator: Gate, verb: str, body: dict[str, str] | None
) -> None:
    job = await operator.job(phase=Phase.RENDERING)
    answer = await operator.client.post(f"/v1/videos/{job.id}/{verb}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert answer.headers["x-should-retry"] == "false"
    for unknown in ("video_" + "0" * 26, "%20"):
        answer = await operator.client.post(f"/v1/videos/{unknown}/{verb}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(("verb", "body"), VERBS)
async def test_a_decision_wakes_the_engine_and_is_not_undone_by_a_silent_database(
    operator: Gate, monkeypatch: pytest.MonkeyPatch, verb: str, body: dict[str, str] | None
) -> None:
    video = await stuck(operator)
    woken = asyncio.Event()
    monkeypatch.setattr(operator.engine, "wake", woken.set)
    monkeypatch.setattr(operator.tools.database, "read", raising(StorageError("away")))
    answer = await operator.client.post(f"/v1/videos/{video}/{verb}", json=body)
    assert (answer.status_code, answer.json()["id"]) == (200, video)
    assert woken.is_set()


@pytest.mark.parametrize(
    ("verb", "content", "kind", "status", "pointer"),
    [
        ("adopt", b"", "application/json", 422, "/upstream_id"),
        ("adopt", b"{}", "application/json", 422, "/upstream_id"),
        ("adopt", b'{"upstream_id": ""}', "application/json", 422, "/upstream_id"),
        ("adopt", b'{"upstream_id": 7}', "application/json", 422, "/upstream_id"),
        ("adopt", b'{"upstream_id": "a", "id": "b"}', "application/json", 422, "/id"),
        ("adopt", b'["a"]', "application/json", 422, ""),
        ("adopt", b'{"upstream_id": "' + b"a" * 501 + b'"}', "application/json", 422, None),
        ("adopt", b"{", "application/json", 400, None),
        ("adopt", b'{"upstream_id": "a"}', "text/plain", 415, None),
        ("adopt", b"a" * 40_000, "application/json", 413, None),
        ("fail", b'{"reason": "a", "why": "b"}', "application/json", 422, "/why"),
        ("resubmit", b'{"reason": "a"}', "application/json", 422, "/reason"),
        ("resubmit", b"[]", "application/json", 422, ""),
        ("resubmit", b"{}", "text/plain", 415, None),
        ("resubmit", b"a" * 40_000, "application/json", 413, None),
        ("fail", b"reason=a", "application/x-www-form-urlencoded", 415, None),
    ],
)
async def test_a_body_that_cannot_be_read_changes_nothing(
    operator: Gate, verb: str, content: bytes, kind: str, status: int, pointer: str | None
) -> None:
    video = await stuck(operator)
    answer = await operator.client.post(
        f"/v1/videos/{video}/{verb}", content=content, headers={"content-type": kind}
    )
    assert answer.status_code == status, answer.text
    if pointer is not None:
        assert pointer in {one["pointer"] for one in answer.json()["errors"]}
    seen = (await operator.client.get(f"/v1/videos/{video}")).json()
    assert seen["phase"] == "needs_attention"


async def test_a_page_of_another_site_decides_nothing_where_no_key_is_asked_for(
    opened: Opened,
) -> None:
    async with opened() as gate:
        video = await stuck(gate)
        for path in (
            "/v1/accounts/pictory/pause",
            "/v1/accounts/pictory/resume",
            *(f"/v1/videos/{video}/{verb}" for verb, _ in VERBS),
        ):
            answer = await gate.client.post(path, headers={"origin": "https://evil.test"})
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
