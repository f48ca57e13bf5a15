"""Films whose headers are damaged are no films, and nothing breaks on them."""

import pytest

from mockserver.media import drawn, film
from mockserver.media.render import film_size, input_fault
from tests.mockserver.drivers import USEAPI, Open
from tests.mockserver.media.films import clip

GOOD = drawn.film(clip())
NO_CODEC = GOOD[: GOOD.index(b"VideoHandler") + 6]
NO_TEXT = GOOD.replace(b"VideoHandler", b"VideoHandl\xe8r")


def test_a_film_that_names_no_codec_has_no_size() -> None:
    assert film.size(NO_CODEC) is None
    assert film_size(NO_CODEC) is None
    assert "is not a readable video" in (input_fault("extend", NO_CODEC) or "")


def test_a_film_whose_texts_are_none_is_a_film_all_the_same() -> None:
    assert film.size(NO_TEXT) == film.size(GOOD)
    assert input_fault("extend", NO_TEXT) is None


@pytest.mark.parametrize("data", [NO_CODEC, GOOD[:40]])
async def test_a_damaged_film_is_taken_and_its_extension_fails(opened: Open, data: bytes) -> None:
    async with opened() as (world, client):
        path = (await client.upload(data, "video/mp4")).json()["path"]
        answer = await client.http.post(
            "/v2/pixverse/videos/extend-v3",
            json={"prompt": "go on", "video_path": path},
            headers=USEAPI,
        )
        assert answer.status_code == 200
        await world.run_until_idle()

        (job,) = world.jobs
        assert (job.phase, job.failure and job.failure.kind) == ("failed", "input")
