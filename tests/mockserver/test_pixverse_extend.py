import io
from typing import Any

import httpx
import pytest
from PIL import Image

from mockserver import Settings
from mockserver.media.clip import Clip
from mockserver.media.render import film, film_size
from mockserver.pixverse.rules import ENDPOINTS, EXTEND_V3, NEW_MODELS, cost_in_credits, faults_of
from mockserver.wire.shapes import SIDES, dimensions, fitted, nearest_ratio
from tests.mockserver.drivers import USEAPI, VIDEOS, Client, Open, difference, pictures, png

BY_PATH = {endpoint.path: endpoint for endpoint in ENDPOINTS}
FILM = "upload/a.mp4"
PICTURE = "upload/a.png"
VIDEO = "user:1-pixverse:a@example.com-video:5"
GOOD = {"prompt": "and then", "video_path": FILM}
SHORT = Clip(width=200, height=100, seconds=1, caption="source")


async def extend(client: Client, path: str = "extend-v3", **body: Any) -> httpx.Response:
    return await client.http.post(
        f"{VIDEOS}/{path}", json={"prompt": "and then", **body}, headers=USEAPI
    )


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({}, []),
        ({"prompt": ""}, ["prompt"]),
        ({"prompt": None}, ["prompt"]),
        ({"prompt": "x" * 2048}, []),
        ({"prompt": "x" * 2049}, ["prompt"]),
        ({"video_path": PICTURE}, ["video_path"]),
        ({"video_path": "upload/b.mp4"}, ["video_path"]),
        ({"video_path": None}, ["exactly"]),
        ({"video_path": ""}, ["exactly"]),
        ({"video_path": None, "video_id": VIDEO}, []),
        ({"video_id": VIDEO}, ["exactly"]),
        ({"video_path": None, "video_id": VIDEO[:-1]}, ["video_id"]),
        ({"video_path": None, "video_id": 5}, ["video_id"]),
        ({"duration": 8}, []),
        ({"duration": 6}, ["duration"]),
        ({"model": "v3", "quality": "360p", "motion_mode": "fast", "seed": 1}, []),
        ({"model": "v4"}, ["model"]),
        ({"aspect_ratio": "nonsense", "first_frame_path": 5}, []),
    ],
)
def test_each_rule_of_extending_names_its_field(change: dict[str, Any], names: list[str]) -> None:
    faults = faults_of(EXTEND_V3, GOOD | change, {FILM, PICTURE}, videos={VIDEO})

    assert [fault.split()[0] for fault in faults] == names


async def test_a_video_is_extended_from_its_last_frame_in_its_shape(opened: Open) -> None:
    async with opened() as (mock, client):
        source = (await client.text_video(aspect_ratio="3:4")).json()["video_id"]
        assert (await extend(client, video_id=source)).status_code == 400
        await mock.advance(50)
        extended = (await extend(client, video_id=source, quality="360p")).json()["video_id"]
        await mock.advance(50)

        first = (await client.useapi(f"/videos/{source}")).json()
        second = (await client.useapi(f"/videos/{extended}")).json()
        assert second["original_video_id"] == source
        assert (first["extended"], second["extended"]) == (0, 1)
        assert (second["output_width"], second["output_height"]) == (360, 480)
        assert (second["aspect_ratio"], second["model"]) == ("3:4", "v3.5")
        end = Image.open(io.BytesIO((await client.http.get(first["last_frame"])).content))
        start = pictures((await client.http.get(second["url"])).content)[0]
        assert difference(end.resize(start.size), start) < 4


async def test_an_uploaded_film_is_extended_in_its_shape(opened: Open) -> None:
    async with opened() as (mock, client):
        data = film(SHORT)
        uploaded = await client.upload(data, "video/mp4")
        assert set(uploaded.json()) == {"path", "url"}
        assert uploaded.json()["path"].endswith(".mp4")
        assert (await client.http.get(uploaded.json()["url"])).content == data
        path = uploaded.json()["path"]
        made = (await extend(client, video_path=path)).json()["video_id"]
        await mock.advance(50)

        video = (await client.useapi(f"/videos/{made}")).json()
        assert (video["output_width"], video["output_height"]) == (1440, 720)
        start = pictures((await client.http.get(video["url"])).content)[0]
        assert difference(start, pictures(data)[-1].resize(start.size)) < 8
        assert mock.ledger.total == {"pixverse": 60}


async def test_an_upload_that_only_looks_like_a_film_fails_its_job(opened: Open) -> None:
    async with opened() as (mock, client):
        fake = b"\0\0\0\x18ftypisom" + bytes(100)
        path = (await client.upload(fake, "video/mp4")).json()["path"]
        assert (await extend(client, video_path=path)).status_code == 200
        await mock.advance(50)

        assert [job.phase.value for job in mock.jobs] == ["failed"]
        assert film_size(fake) is None


@pytest.mark.parametrize("path", ["create", "create-frames", "extend"])
async def test_the_current_names_take_the_models_and_prompts_of_2026(
    opened: Open, path: str
) -> None:
    async with opened(Settings(clock="frozen", max_jobs=8)) as (mock, client):
        frame = await client.upload_path(png("red", (300, 400)))
        clip = (await client.upload(film(SHORT), "video/mp4")).json()["path"]
        names = {"first_frame_path": frame, "last_frame_path": frame, "video_path": clip}
        body = {name: names[name] for name in names if name in BY_PATH[path].fields}
        for model in NEW_MODELS:
            answer = await extend(client, path, **body, model=model, prompt="x" * 5000)
            assert answer.status_code == 200
        for change in ({"model": "v7"}, {"prompt": "x" * 5001}):
            assert (await extend(client, path, **(body | change))).status_code == 400

        assert [job.order.params["model"] for job in mock.jobs] == list(NEW_MODELS)


async def test_create_frames_takes_its_shape_from_the_first_frame(opened: Open) -> None:
    async with opened() as (mock, client):
        tall, wide = (
            await client.upload_path(png("red", (30, 40))),
            await client.upload_path(png("red", (90, 30))),
        )
        body = {"first_frame_path": tall, "last_frame_path": wide}
        ignored = {"aspect_ratio": 5, "motion_mode": "slow", "remove_watermark": "no"}
        answer = await client.http.post(
            f"{VIDEOS}/create-frames", json=body | ignored, headers=USEAPI
        )
        assert answer.status_code == 200

        (job,) = mock.jobs
        assert (job.order.width, job.order.height) == (720, 960)
        assert job.order.params["remove_watermark"] is True


async def test_the_default_quality_follows_the_model(opened: Open) -> None:
    async with opened() as (mock, client):
        for model in (None, "v5"):
            body = {"prompt": "dawn", "model": model}
            await client.http.post(f"{VIDEOS}/create", json=body, headers=USEAPI)

        assert [(job.order.params["model"], job.order.height) for job in mock.jobs] == [
            ("v6", 720),
            ("v5", 540),
        ]


@pytest.mark.parametrize(
    ("model", "quality", "seconds", "price"),
    [
        ("v6", "1080p", 5, 70),
        ("v6", "360p", 8, 32),
        ("v5.5", "360p", 5, 20),
        ("v5.5", "540p", 8, 60),
        ("v5.5", "720p", 5, 60),
        ("v5", "720p", 8, 120),
    ],
)
def test_current_models_cost_what_the_overview_says(
    model: str, quality: str, seconds: int, price: int
) -> None:
    assert cost_in_credits(quality, seconds, "normal", model) == price


async def test_v4_takes_all_its_documented_fields(opened: Open) -> None:
    async with opened() as (mock, client):
        path = await client.upload_path(png("red"))
        good: dict[str, Any] = {
            "negative_prompt": "x" * 2048,
            "first_frame_path": path,
            "last_frame_path": path,
            "template_id": 315446315336768,
            "style": "clay",
            "sound_effect_prompt": "waves",
            "lip_sync_tts_prompt": "hello",
        }
        assert (await client.text_video(**good)).status_code == 200
        for name, value in (
            ("negative_prompt", "x" * 2049),
            ("template_id", "5"),
            ("sound_effect_prompt", 5),
            ("lip_sync_tts_prompt", "x" * 2049),
            ("last_frame_path", "upload/none.png"),
        ):
            refused = await client.text_video(**(good | {name: value}))
            assert refused.json()["error"].startswith(name)
        await mock.advance(50)

        (video,) = (await client.useapi("/videos")).json()["data"]
        assert video["template_id"] == 315446315336768
        assert [source.role for source in next(iter(mock.jobs)).order.sources] == ["first", "last"]


@pytest.mark.parametrize("ratio", SIDES)
def test_a_known_shape_is_fitted_to_itself(ratio: str) -> None:
    size = dimensions(ratio, 540)

    assert fitted(size, 540) == size
    assert nearest_ratio(size) == ratio


def test_extreme_shapes_are_drawn_in() -> None:
    assert fitted((4000, 1), 360) == (1080, 360)
    assert fitted((1, 4000), 360) == (360, 1080)
