"""Conditional and partial requests for media, and chance that strikes them."""

from itertools import permutations

import pytest

from mockserver import Settings
from tests.mockserver.drivers import Open

FILES = ("url", "lastFrameImageUrl", "thumbnailImageUrl")


async def test_chance_strikes_the_same_files_in_whichever_order_they_are_fetched(
    opened: Open,
) -> None:
    outcomes = set()
    for seed in range(4):
        seen = set()
        for order in permutations(FILES):
            chaos = ("download:status=503=50%",)
            settings = Settings(clock="frozen", seed=seed, chaos=chaos)
            async with opened(settings) as (world, client):
                job = await client.pictory_id()
                await world.run_until_idle()
                links = (await client.pictory_job(job))["data"]
                got = {name: (await client.http.get(links[name])).status_code for name in order}
                lines = sorted(world.engine.faults.lines)
                seen.add((tuple(sorted(got.items())), tuple(lines)))
        assert len(seen) == 1, seed
        outcomes |= seen
    assert len(outcomes) > 1


async def test_a_jobs_key_is_still_whom_a_line_may_name(opened: Open) -> None:
    async with opened() as (world, client):
        job = await client.pictory_id()
        await world.run_until_idle()
        world.fail_next(f"download@{world.job(job).order.key}#2:status=503")
        links = (await client.pictory_job(job))["data"]

        assert [(await client.http.get(links[name])).status_code for name in FILES] == [
            200,
            503,
            200,
        ]


@pytest.mark.parametrize(
    "listed", ["{}", "W/{}", '"other", {}', '{}, "other"', ' "a,b" ,W/{} ', "*"]
)
async def test_a_tag_is_known_in_any_list_weak_or_not(opened: Open, listed: str) -> None:
    async with opened() as (world, client):
        job = await client.pictory_id()
        await world.run_until_idle()
        link = (await client.pictory_job(job))["data"]["url"]
        tag = (await client.http.get(link)).headers["etag"]
        answer = await client.http.get(link, headers={"If-None-Match": listed.format(tag)})

        assert (answer.status_code, answer.content) == (304, b"")
        assert "content-length" not in answer.headers
        assert answer.headers["etag"] == tag


@pytest.mark.parametrize("listed", ["", '"other"', '"*"', "{0}x{0}"])
async def test_other_tags_are_not_taken_for_it(opened: Open, listed: str) -> None:
    async with opened() as (world, client):
        job = await client.pictory_id()
        await world.run_until_idle()
        link = (await client.pictory_job(job))["data"]["url"]
        tag = (await client.http.get(link)).headers["etag"].strip('"')
        answer = await client.http.get(link, headers={"If-None-Match": listed.format(tag)})

        assert answer.status_code == 200


async def test_a_look_at_the_head_has_no_range(opened: Open) -> None:
    async with opened() as (world, client):
        job = await client.pictory_id()
        await world.run_until_idle()
        link = (await client.pictory_job(job))["data"]["url"]
        whole = (await client.http.get(link)).content
        answer = await client.http.head(link, headers={"Range": "bytes=0-9"})

        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["content-length"]) == len(whole)
        assert "content-range" not in answer.headers


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("line", ["submit#1:status={}", "submit#1:accept-then-status={}"])
async def test_an_answer_that_can_have_no_body_has_none(
    opened: Open, status: int, line: str
) -> None:
    async with opened() as (world, client):
        client.http.event_hooks = {}  # no document knows of such an answer
        world.fail_next(line.format(status))
        answer = await client.http.post(
            "/pictoryapis/v1/aistudio/videos",
            json={"prompt": "A drone over a forest"},
            headers={"Authorization": "pictai_test"},
        )

        assert (answer.status_code, answer.content) == (status, b"")
        assert "content-length" not in answer.headers
        assert [one.reply for one in world.journal.requests] == [b""]
