"""What a video is made from exists before it and stays, so none waits for itself in a circle."""

from typing import Any

import pytest

from gateway.model.ids import new_id
from tests.gateway.api.conftest import OPERATOR, PROMPT, Gate


def of(video_id: str) -> dict[str, Any]:
    """A request for a video that starts where this one ends."""
    return {"prompt": PROMPT, "first_frame": {"video": video_id, "frame": "last"}}


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("first_frame", {"frame": "last"}),
        ("last_frame", {"frame": "first"}),
        ("extend_video", {}),
    ],
)
async def test_a_video_is_made_of_none_that_does_not_exist_yet(
    gate: Gate, field: str, more: dict[str, str]
) -> None:
    to_come = new_id("video")
    body = {"prompt": PROMPT, field: {"video": to_come, **more}}
    answer = await gate.client.post("/v1/videos", json=body)
    assert answer.status_code == 422, answer.text
    found = [(one["pointer"], one["code"]) for one in answer.json()["errors"]]
    assert (f"/{field}", "unknown_video") in found
    assert (await gate.client.get("/v1/videos")).json()["data"] == []


async def test_nobody_chooses_the_id_that_a_video_gets(gate: Gate) -> None:
    source = (await gate.job()).id
    wanted = new_id("video")
    answer = await gate.client.post("/v1/videos", json=of(source) | {"id": wanted})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == "/id"


async def test_no_route_changes_what_a_video_is_made_from(operator: Gate) -> None:
    first, second = [(await operator.job(key=OPERATOR)).id for _ in range(2)]
    created = await operator.client.post("/v1/videos", json=of(first))
    assert created.status_code == 202, created.text
    video, inputs = created.json()["id"], created.json()["inputs"]
    assert [one["video"] for one in inputs] == [first]

    paths = (await operator.client.get("/openapi.json")).json()["paths"]
    own = {path: set(told) for path, told in paths.items() if "{video_id}" in path}
    verbs = {path for path, methods in own.items() if "post" in methods}
    assert {path.rpartition("/")[2] for path in verbs} >= {"cancel", "resubmit", "adopt", "fail"}
    assert not {"put", "patch"} & set().union(*own.values())
    for path in verbs:
        for body in (of(second), of(video)):
            answer = await operator.client.post(path.replace("{video_id}", video), json=body)
            assert answer.status_code == 422, (path, answer.text)
            pointers = {one["pointer"] for one in answer.json()["errors"]}
            assert {"/first_frame", "/prompt"} <= pointers, path
    seen = (await operator.client.get(f"/v1/videos/{video}")).json()
    assert (seen["inputs"], seen["phase"]) == (inputs, created.json()["phase"])
