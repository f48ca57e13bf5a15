import base64
import re
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver import Settings
from mockserver.media.clip import Clip
from mockserver.media.render import film
from mockserver.pictory.rules import EXCLUSIVE, MODELS, cost_in_tenths, faults_of
from tests.mockserver.drivers import PICTORY, Client, Open, png

GOOD = {"prompt": "A drone over a forest"}
A, B = "https://example.com/a.png", "https://example.com/b.png"
PATH = "/pictoryapis/v1/aistudio/videos"
FILM = film(Clip(width=64, height=36, seconds=1, caption="teal"))


def served(request: httpx.Request) -> httpx.Response:
    """What stands at the addresses of the inputs."""
    content = FILM if request.url.path.endswith(".mp4") else png("teal")
    return httpx.Response(200, content=content)


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


JOBS = "/pictoryapis/v1/jobs"
ORDER = {
    "prompt": "Waves at noon",
    "model": "pixverse5.5",
    "aspectRatio": "16:9",
    "duration": "5s",
}


async def page(client: Client, path: str, key: str | None = None) -> Any:
    """One page of a list."""
    params = {} if key is None else {"nextPageKey": key}
    return (await client.http.get(path, params=params, headers=PICTORY)).json()


async def test_the_list_is_newest_first_in_pages(opened: Open) -> None:
    async with opened() as (_, client):
        ids = [await client.pictory_id() for _ in range(25)]
        first = await page(client, JOBS)
        rest = await page(client, JOBS, first["nextPageKey"])

        items = first["items"] + rest["items"]
        assert [item["data"]["jobId"] for item in items] == ids[::-1]
        assert base64.b64decode(first["nextPageKey"], validate=True)
        assert "nextPageKey" not in rest
        for path in (JOBS, PATH):
            url = f"{path}?nextPageKey=nothing"
            assert (await client.http.get(url, headers=PICTORY)).status_code == 400


async def test_the_list_of_jobs_shows_of_each_what_it_shows_alone(opened: Open) -> None:
    prompts = ["sunset [[mock fail=failed]]", "sunset [[mock clean]]", "a plain sunset"]
    async with opened() as (mock, client):
        ids = [await client.pictory_id(prompt) for prompt in prompts]
        await mock.advance(60)
        ids.append(await client.pictory_id())

        items = (await page(client, JOBS))["items"]

        assert [item["data"]["jobId"] for item in items] == ids[::-1]
        for item in items:
            alone = await client.pictory_job(item["data"].pop("jobId"))
            assert item == {"success": alone["success"], "data": alone["data"]}


async def test_the_list_of_films_shows_the_orders_and_the_links_but_no_jobs(opened: Open) -> None:
    orders: list[dict[str, Any]] = [
        {},
        {"model": "veo3.1", "aspectRatio": "9:16", "duration": "8s"},
        {"firstFrameImageUrl": A},
        {"referenceImageUrls": [A, B]},
        {"extendVideoUrl": "https://example.com/a.mp4"},
    ]
    host = Settings(clock="frozen", extra_hosts=("example.com",))
    async with opened(host, inputs=httpx.MockTransport(served)) as (mock, client):
        ids = []
        for order in orders:
            ids.append(await client.pictory_id("Waves at noon", **order))
            await mock.advance(60)
        films = (await page(client, PATH))["items"]
        jobs = [(await client.pictory_job(job_id))["data"] for job_id in reversed(ids)]
        text = (await client.http.get(PATH, headers=PICTORY)).text

    assert len(films) == len(orders)
    for each, job, order in zip(films, jobs, orders[::-1], strict=True):
        shared = job.keys() - {"status", "aiCreditsUsed"}
        assert {name: each[name] for name in shared} == {name: job[name] for name in shared}
        assert each.items() >= (ORDER | order).items()
        assert each.keys() & EXCLUSIVE.keys() == order.keys() & EXCLUSIVE.keys()
        assert re.fullmatch(r"[0-9]{17}[0-9a-f]{16}", each["id"])
    times = [each["createdDate"] for each in films]
    assert times == sorted(times, reverse=True)
    assert times[-1] == "2026-01-01T00:00:50.000Z"
    assert not [job_id for job_id in ids if job_id in text or job_id.replace("-", "") in text]


async def test_only_what_was_made_and_not_cleaned_is_a_film(opened: Open) -> None:
    async with opened() as (mock, client):
        await client.pictory_id("sunset [[mock fail=failed]]")
        await client.pictory_id("sunset [[mock clean]]")
        assert (await page(client, PATH)) == {"items": []}
        made = await client.pictory_id("sunset")
        await mock.advance(60)
        await client.pictory_id("a sunset that is not done")
        (made_film,) = (await page(client, PATH))["items"]
        assert made_film["url"] == (await client.pictory_job(made))["data"]["url"]


async def test_films_stand_in_the_order_of_their_ends(opened: Open) -> None:
    async with opened() as (mock, client):
        await client.pictory_id("the slow one [[mock run=60]]")
        await client.pictory_id("the fast one [[mock run=10]]")
        await mock.advance(90)
        films = (await page(client, PATH))["items"]
        jobs = (await page(client, JOBS))["items"]
        assert [one["prompt"][4:8] for one in films] == ["slow", "fast"]
        assert [job["data"]["url"] for job in jobs] == [one["url"] for one in films[::-1]]


async def test_films_come_by_the_hundred(opened: Open) -> None:
    async with opened(Settings(clock="frozen", queue_seconds=0, run_seconds=1)) as (mock, client):
        for n in range(105):
            await client.pictory_id(f"Film number {n}")
        await mock.advance(5)
        first = await page(client, PATH)
        rest = await page(client, PATH, first["nextPageKey"])
    prompts = [one["prompt"] for one in first["items"] + rest["items"]]
    assert (len(first["items"]), len(rest["items"])) == (100, 5)
    assert prompts == [f"Film number {n}" for n in reversed(range(105))]
    assert "nextPageKey" not in rest


async def test_a_garbled_look_at_a_job_strikes_both_lists(opened: Open) -> None:
    async with opened() as (mock, client):
        await client.pictory_id("sunset [[mock garble-poll=2]]")
        await mock.advance(60)
        for path in (JOBS, PATH):
            garbled = await client.http.get(path, headers=PICTORY)
            assert garbled.headers["content-type"].startswith("text/html")
        assert len((await page(client, PATH))["items"]) == 1


async def test_equal_seeds_give_equal_ids(opened: Open) -> None:
    ids = []
    for seed in (1, 1, 2):
        async with opened(Settings(clock="frozen", seed=seed)) as (_, client):
            ids.append(await client.pictory_id())

    assert ids[0] == ids[1] != ids[2]
