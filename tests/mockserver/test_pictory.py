from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver import Settings
from mockserver.pictory.rules import MODELS, cost_in_tenths, faults_of
from tests.mockserver.drivers import PICTORY, Open

GOOD = {"prompt": "A drone over a forest"}
A, B = "https://example.com/a.png", "https://example.com/b.png"
PATH = "/pictoryapis/v1/aistudio/videos"


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({}, []),
        ({"prompt": "1234"}, ["prompt"]),
        ({"prompt": "12345"}, []),
        ({"prompt": "x" * 5000}, []),
        ({"prompt": "x" * 5001}, ["prompt"]),
        ({"prompt": 12345}, ["prompt"]),
        ({"prompt": None}, ["prompt"]),
        ({"prompt": "hello [[mock what]]"}, ["prompt"]),
        ({"prompt": "hello [[mock refuse=412]]"}, ["prompt"]),
        ({"model": "pixverse5"}, ["model"]),
        ({"model": ["veo3.1"]}, ["model"]),
        ({"duration": "8s"}, []),
        ({"duration": "6s"}, ["duration"]),
        ({"duration": 8}, ["duration"]),
        ({"duration": "6s", "model": "veo3.1"}, []),
        ({"duration": "5s", "model": "veo3.1"}, ["duration"]),
        ({"aspectRatio": "1:1"}, []),
        ({"aspectRatio": "1:1", "model": "veo3.1_fast"}, ["aspectRatio"]),
        ({"aspectRatio": "1:1", "model": "nonsense", "duration": "7s"}, ["model", "duration"]),
        ({"firstFrameImageUrl": A}, []),
        ({"firstFrameImageUrl": "a.png"}, ["firstFrameImageUrl"]),
        ({"firstFrameImageUrl": {}}, ["firstFrameImageUrl"]),
        ({"firstFrameImageUrl": A, "extendVideoUrl": A}, ["extendVideoUrl"]),
        ({"extendVideoUrl": A, "referenceImageUrls": [A]}, ["referenceImageUrls"]),
        ({"referenceImageUrls": [A, B, A]}, []),
        ({"referenceImageUrls": [A, B, A, B]}, ["referenceImageUrls"]),
        ({"referenceImageUrls": []}, ["referenceImageUrls"]),
        ({"referenceImageUrls": A}, ["referenceImageUrls"]),
        ({"referenceImageUrls": [A, {}]}, ["referenceImageUrls[1]"]),
        ({"webhook": "http://127.0.0.1:1/hook"}, []),
        ({"webhook": "127.0.0.1"}, ["webhook"]),
        ({"lastFrameImageUrl": 5, "first_frame": 7}, []),
    ],
)
def test_each_rule_names_its_field(change: dict[str, Any], names: list[str]) -> None:
    assert [fault.name for fault in faults_of(GOOD | change)] == names


def test_all_faults_are_reported_at_once() -> None:
    body = {
        "model": "veo3.1",
        "duration": "5s",
        "aspectRatio": "1:1",
        "firstFrameImageUrl": "x",
        "extendVideoUrl": A,
        "referenceImageUrls": [],
        "webhook": "",
    }

    assert {fault.name for fault in faults_of(body)} == {"prompt", *body} - {"model"}


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "prompt",
                "model",
                "duration",
                "aspectRatio",
                "webhook",
                "extendVideoUrl",
                "referenceImageUrls",
            ]
        ),
        st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists),
    )
)
def test_any_json_is_judged_without_an_exception(body: dict[str, Any]) -> None:
    faults_of(body)


@pytest.mark.parametrize(
    ("model", "seconds", "tenths"),
    [
        ("pixverse5.5", 5, 80),
        ("pixverse5.5", 8, 128),
        ("pixverse5.5", 10, 160),
        ("veo3.1", 8, 1600),
        ("veo3.1_fast", 4, 400),
    ],
)
def test_prices_are_whole_tenths_of_credits(model: str, seconds: int, tenths: int) -> None:
    assert cost_in_tenths(model, seconds) == tenths


@pytest.mark.parametrize("key", [None, "", "Bearer pictai_test", "sk-test", "PICTAI_x"])
async def test_anything_but_a_raw_key_is_unauthorized(opened: Open, key: str | None) -> None:
    headers = {} if key is None else {"Authorization": key}
    async with opened() as (_, client):
        for response in (
            await client.http.post(PATH, json=GOOD, headers=headers),
            await client.http.get("/pictoryapis/v1/jobs/x", headers=headers),
            await client.http.get("/pictoryapis/v1/jobs", headers=headers),
        ):
            assert response.status_code == 401
            assert response.json() == {"message": "Unauthorized"}


async def test_a_job_goes_from_in_progress_to_completed(opened: Open) -> None:
    async with opened() as (mock, client):
        submitted = await client.pictory(duration="8s", aspectRatio="9:16")
        job_id = submitted.json()["data"]["jobId"]
        assert submitted.json() == {"success": True, "data": {"jobId": job_id}}

        for _ in range(2):
            assert await client.pictory_job(job_id) == {
                "job_id": job_id,
                "success": True,
                "data": {"status": "in-progress"},
            }
            await mock.advance(25)

        data = (await client.pictory_job(job_id))["data"]
        assert data["status"] == "completed"
        assert (data["width"], data["height"], data["duration"]) == (720, 1280, "8s")
        assert data["aiCreditsUsed"] == 12.8
        assert data["url"].startswith("http://mock.test/media/")
        assert mock.ledger.total == {"pictory": 128}


@pytest.mark.parametrize("model", MODELS)
async def test_left_out_fields_become_the_models_first_values(opened: Open, model: str) -> None:
    async with opened() as (mock, client):
        await client.pictory(model=model)

        (job,) = mock.jobs
        assert f"{job.order.seconds}s" == MODELS[model].durations[0]
        assert job.order.width * 9 == job.order.height * 16


async def test_a_bad_body_is_refused_in_the_documented_shape(opened: Open) -> None:
    async with opened() as (mock, client):
        response = await client.pictory(prompt="no")

        assert response.status_code == 400
        assert response.json()["code"] == "INVALID_REQUEST_BODY"
        assert response.json()["fields"] == [
            {"name": "prompt", "errors": "must be between 5 and 5000 characters"}
        ]
        for content, kind in ((b"{", "application/json"), (b"[]", "application/json")):
            response = await client.http.post(
                PATH, content=content, headers=PICTORY | {"Content-Type": kind}
            )
            assert response.status_code == 400
        assert (await client.http.post(PATH, data=GOOD, headers=PICTORY)).status_code == 400
        assert mock.ledger.charges == ()


async def test_an_unknown_job_answers_200_without_success(opened: Open) -> None:
    async with opened() as (_, client):
        answer = await client.pictory_job("nothing")

        assert answer["success"] is False
        assert answer["data"]["error_message"] == "JOB_NOT_FOUND"


@pytest.mark.parametrize("fate", ["failed", "moderated"])
async def test_a_failed_job_says_why_and_is_refunded(opened: Open, fate: str) -> None:
    async with opened() as (mock, client):
        job_id = await client.pictory_id(f"sunset [[mock fail={fate}]]")
        assert mock.ledger.total == {"pictory": 80}
        await mock.advance(50)

        answer = await client.pictory_job(job_id)
        assert answer["success"] is False
        assert answer["data"]["status"] == "failed"
        assert answer["data"]["error_code"]
        assert answer["data"]["error_message"]
        assert mock.ledger.total == {"pictory": 0}


async def test_the_list_is_newest_first_in_pages(opened: Open) -> None:
    async with opened() as (_, client):
        ids = [await client.pictory_id() for _ in range(25)]
        first = (await client.http.get("/pictoryapis/v1/jobs", headers=PICTORY)).json()
        rest = (
            await client.http.get(
                "/pictoryapis/v1/jobs",
                params={"nextPageKey": first["nextPageKey"]},
                headers=PICTORY,
            )
        ).json()

        items = first["items"] + rest["items"]
        assert [item["data"]["jobId"] for item in items] == ids[::-1]
        assert "nextPageKey" not in rest
        url = "/pictoryapis/v1/jobs?nextPageKey=nothing"
        assert (await client.http.get(url, headers=PICTORY)).status_code == 400


async def test_equal_seeds_give_equal_ids(opened: Open) -> None:
    ids = []
    for seed in (1, 1, 2):
        async with opened(Settings(clock="frozen", seed=seed)) as (_, client):
            ids.append(await client.pictory_id())

    assert ids[0] == ids[1] != ids[2]
