"""`POST /v1/videos/{id}/cancel`: what it answers, where a job stands when it comes."""

import asyncio
from typing import Any

import pytest

from gateway.model.job import Choice, JobError
from gateway.model.phases import FINAL, Phase
from providers.contract import Mode, Price, VideoSpec
from tests.gateway.api.conftest import OPERATOR, OTHER, PROMPT, Gate, Opened, bearer

PICTORY = Choice(
    provider="pictory",
    spec=VideoSpec(
        model="pixverse5.5",
        mode=Mode.TEXT,
        prompt=PROMPT,
        seconds=5,
        aspect_ratio="16:9",
        resolution="720p",
    ),
)
FREE = {Phase.WAITING_FOR_INPUT, Phase.WAITING_FOR_SLOT, Phase.PREPARING, Phase.NEEDS_ATTENTION}
TOO_LATE = {*FINAL, Phase.DOWNLOADING}


async def cancel(gate: Gate, video_id: str, **options: Any) -> tuple[int, dict[str, Any]]:
    answer = await gate.client.post(f"/v1/videos/{video_id}/cancel", **options)
    return answer.status_code, answer.json()


@pytest.mark.parametrize("phase", Phase)
async def test_a_video_is_canceled_wherever_that_still_means_something(
    gate: Gate, phase: Phase
) -> None:
    job = await gate.job(phase=phase, choices=(PICTORY,))
    status, told = await cancel(gate, job.id)
    if phase in TOO_LATE:
        assert (status, told["code"]) == (409, "finished")
        return
    assert (status, told["id"]) == (200, job.id)
    if phase in FREE:
        assert (told["status"], told["error"]["code"]) == ("failed", "canceled")
        assert told["error"]["blame"] == "caller"
    else:
        assert (told["status"], told["phase"]) == ("in_progress", "canceling")


async def test_to_cancel_twice_is_to_cancel_once(gate: Gate) -> None:
    for phase in (Phase.WAITING_FOR_SLOT, Phase.RENDERING):
        job = await gate.job(phase=phase)
        assert await cancel(gate, job.id) == await cancel(gate, job.id)


@pytest.mark.parametrize(
    "options", [{}, {"json": {}}, {"headers": {"content-type": "application/json"}}]
)
async def test_to_cancel_takes_no_words(gate: Gate, options: dict[str, Any]) -> None:
    job = await gate.job(phase=Phase.WAITING_FOR_SLOT)
    status, told = await cancel(gate, job.id, **options)
    assert (status, told["phase"]) == (200, "failed")


@pytest.mark.parametrize(
    ("content", "kind", "status", "pointer"),
    [
        (b'{"reason": "a"}', "application/json", 422, "/reason"),
        (b"[]", "application/json", 422, ""),
        (b"{", "application/json", 400, None),
        (b"reason=a", "application/x-www-form-urlencoded", 415, None),
    ],
)
async def test_a_body_that_means_nothing_cancels_nothing(
    gate: Gate, content: bytes, kind: str, status: int, pointer: str | None
) -> None:
    job = await gate.job(phase=Phase.WAITING_FOR_SLOT)
    answer = await gate.client.post(
        f"/v1/videos/{job.id}/cancel", content=content, headers={"content-type": kind}
    )
    assert answer.status_code == status, answer.text
    if pointer is not None:
        assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]
    seen = (await gate.client.get(f"/v1/videos/{job.id}")).json()
    assert seen["phase"] == "waiting_for_slot"


async def test_the_answer_tells_when_to_look_again_while_it_is_canceling(gate: Gate) -> None:
    job = await gate.job(phase=Phase.RENDERING)
    answer = await gate.client.post(f"/v1/videos/{job.id}/cancel")
    assert answer.headers["openai-poll-after-ms"] == "2000"


async def test_only_its_owner_and_operators_can_cancel_a_video(gate: Gate) -> None:
    job = await gate.job(phase=Phase.WAITING_FOR_SLOT)
    for video_id in (job.id, "video_" + "0" * 26, "%20"):
        status, told = await cancel(gate, video_id, headers=bearer(OTHER))
        assert (status, told["code"]) == (404, "not_found")
    assert (await cancel(gate, job.id, headers=bearer(OPERATOR)))[0] == 200


async def test_the_engine_is_woken_by_it(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    woken = asyncio.Event()
    monkeypatch.setattr(gate.engine, "wake", woken.set)
    await cancel(gate, (await gate.job()).id)
    assert not woken.is_set()
    await cancel(gate, (await gate.job(phase=Phase.WAITING_FOR_SLOT)).id)
    assert woken.is_set()


async def test_a_canceled_video_says_what_was_spent_where_the_provider_told(gate: Gate) -> None:
    job = await gate.job(
        phase=Phase.FAILED,
        choices=(PICTORY,),
        chosen=0,
        error=JobError(code="canceled", message="canceled: too late, it had been made"),
        cost=Price(amount=80, unit="pictory_credit_tenths"),
    )
    told = (await gate.client.get(f"/v1/videos/{job.id}")).json()
    assert (told["error"]["code"], told["usage"]["credits"]) == ("canceled", "8")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200),
        ("http://gate.test", 200),
        ("https://evil.test", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
async def test_a_page_of_another_site_cannot_cancel_where_no_key_is_asked_for(
    opened: Opened, origin: str | None, status: int
) -> None:
    """Browsers send a request without a body to anybody, unasked."""
    async with opened() as gate:
        made = (await gate.client.post("/v1/videos", json={"prompt": PROMPT})).json()
        headers = {} if origin is None else {"origin": origin}
        assert (await cancel(gate, made["id"], headers=headers))[0] == status
