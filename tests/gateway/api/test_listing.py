from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gateway.model.phases import STATUS, Phase, Status
from tests.gateway.api.conftest import OTHER, Gate

PHASES = [Phase.WAITING_FOR_SLOT, Phase.RENDERING, Phase.COMPLETED, Phase.FAILED]


async def walked(gate: Gate, path: str, **query: Any) -> list[str]:
    """Every id, page after page."""
    seen: list[str] = []
    while True:
        page = (await gate.client.get(path, params=query)).json()
        assert page["object"] == "list"
        ids = [one["id"] for one in page["data"]]
        assert len(ids) <= query.get("limit", 20)
        assert (page["first_id"], page["last_id"]) == ((ids[0], ids[-1]) if ids else (None, None))
        seen += ids
        if not page["has_more"]:
            return seen
        assert ids
        query["after"] = page["last_id"]


async def test_the_newest_come_first_twenty_at_a_time(gate: Gate) -> None:
    made = [(await gate.job()).id for _ in range(23)]
    await gate.job(key=OTHER)
    page = (await gate.client.get("/v1/videos")).json()
    assert [one["id"] for one in page["data"]] == made[:2:-1]
    assert page["has_more"] is True
    assert await walked(gate, "/v1/videos") == made[::-1]


async def test_an_empty_list_is_a_page(gate: Gate) -> None:
    for path in ("/v1/videos", "/v1/files"):
        told = (await gate.client.get(path)).json()
        assert told == {
            "object": "list",
            "data": [],
            "first_id": None,
            "last_id": None,
            "has_more": False,
        }


@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    limit=st.integers(1, 12),
    order=st.sampled_from(["asc", "desc"]),
    statuses=st.sets(st.sampled_from(Status)),
    commas=st.booleans(),
)
async def test_pages_hold_every_video_once_and_in_order(
    gate: Gate,
    limit: int,
    order: str,
    statuses: set[Status],
    commas: bool,  # noqa: FBT001
) -> None:
    if not await walked(gate, "/v1/videos"):
        for n in range(11):
            await gate.job(phase=PHASES[n % len(PHASES)])
    every = await walked(gate, "/v1/videos", limit=100, order="asc")
    words = sorted(status.value for status in statuses)
    status = {"status": ",".join(words) if commas else words} if words else {}
    found = await walked(gate, "/v1/videos", limit=limit, order=order, **status)
    wanted = [
        name
        for n, name in enumerate(every)
        if not statuses or STATUS[PHASES[n % len(PHASES)]] in statuses
    ]
    assert found == (wanted if order == "asc" else wanted[::-1])
    assert all(left < right for left, right in pairwise(wanted))


async def test_a_listed_video_is_the_document_itself_but_for_its_history(gate: Gate) -> None:
    job = await gate.job()
    [listed] = (await gate.client.get("/v1/videos")).json()["data"]
    looked = (await gate.client.get(f"/v1/videos/{job.id}")).json()
    assert looked["timeline"]
    assert listed == {**looked, "timeline": []}


async def test_a_cursor_that_is_gone_still_marks_its_place(gate: Gate) -> None:
    first, second, third = [await gate.job() for _ in range(3)]
    assert (await gate.client.delete(f"/v1/videos/{second.id}")).status_code == 200
    page = (await gate.client.get(f"/v1/videos?after={second.id}")).json()
    assert [one["id"] for one in page["data"]] == [first.id]
    page = (await gate.client.get(f"/v1/videos?after={second.id}&order=asc")).json()
    assert [one["id"] for one in page["data"]] == [third.id]


@pytest.mark.parametrize("phase", Phase)
async def test_only_a_video_that_has_ended_is_deleted(gate: Gate, phase: Phase) -> None:
    job = await gate.job(phase=phase)
    answer = await gate.client.delete(f"/v1/videos/{job.id}")
    ended = STATUS[phase] in {Status.COMPLETED, Status.FAILED}
    again = await gate.client.get(f"/v1/videos/{job.id}")
    if ended:
        assert answer.json() == {"id": job.id, "object": "video.deleted", "deleted": True}
        assert again.status_code == 404
        assert (await gate.client.delete(f"/v1/videos/{job.id}")).status_code == 404
        assert (await gate.client.get(f"/v1/videos/{job.id}/content")).status_code == 404
    else:
        assert (answer.status_code, answer.json()["code"]) == (409, "not_finished")
        assert again.status_code == 200
