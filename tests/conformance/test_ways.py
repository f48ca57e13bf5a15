"""What a client sees is the same whichever way it comes in."""

import asyncio
import hashlib
from typing import Any

import httpx
import pytest

from mockserver import MockServer, ReplyLost, World
from mockserver.record.worldfile import journal_bytes
from tests.conformance.ways import PATIENCE, WAYS, Client, opened
from tests.mockserver.drivers import Receiver, png

HOOK = "http://127.0.0.1:9/hook"
"""Nobody listens there: what is sent goes to the receiver that the mock was given."""
LOST = (httpx.RemoteProtocolError, httpx.ReadError)
"""How a reply that does not arrive looks over a socket, by chance of timing."""


def lost(way: str) -> Any:
    return pytest.raises(LOST if way == "served" else ReplyLost)


async def test_a_pictory_job_lives_from_submit_to_download(way: str) -> None:
    async with opened(way) as (mock, client):
        world = mock.world("x")
        job = await client.film_id()
        assert (await client.look(job))["data"]["status"] == "in-progress"

        happened = await world.advance_until(job, "completed")

        assert happened[-1].at == world.clock.now() == 50
        done = (await client.look(job))["data"]
        assert done["status"] == "completed"
        film = await client.fetch(done["url"])
        assert film.headers["content-type"] == "video/mp4"
        assert film.content[4:8] == b"ftyp"
        assert int(film.headers["content-length"]) == len(film.content)
        assert film.headers["date"] == "Thu, 01 Jan 2026 00:00:50 GMT"


async def test_a_pixverse_job_lives_from_upload_to_download(way: str) -> None:
    async with opened(way) as (mock, client):
        sent = (await client.upload(png("navy"))).json()["result"][0]
        assert (await client.fetch(sent["url"])).content == png("navy")
        ordered = await client.video(first_frame_path=sent["path"])
        assert ordered.status_code == 200, ordered.text
        video = ordered.json()["video_id"]

        await mock.world("x").run_until_idle()

        done = (await client.useapi_get(f"/videos/{video}")).json()
        assert done["video_status_name"] == "COMPLETED"
        assert (await client.fetch(done["url"])).content[4:8] == b"ftyp"


async def test_callbacks_are_answered_when_a_move_of_time_ends(way: str) -> None:
    receiver = Receiver()
    async with opened(way, callbacks=receiver.transport) as (mock, client):
        job = await client.film_id(webhook=HOOK)
        await client.video(replyUrl=HOOK)

        happened = await mock.world("x").advance(60)

        assert job in [body.get("job_id") for body in receiver.bodies]
        sent = mock.world("x").journal.deliveries
        assert [each.status for each in sent] == [200] * len(receiver.bodies)
        assert sent
        assert all(each in happened for each in sent)


async def test_a_reset_after_acceptance_loses_the_reply_but_not_the_job(way: str) -> None:
    async with opened(way, faults=("submit#1:accept-then-reset",)) as (mock, client):
        with lost(way):
            await client.film()
        world = mock.world("x")
        assert [job.order.prompt for job in world.jobs] == ["A drone over a forest"]
        assert world.ledger.total == {"pictory": 80}


@pytest.mark.parametrize("fault", ["submit#1:reset", "submit#1:cut=50%"])
async def test_a_broken_connection_is_an_error_of_the_protocol(way: str, fault: str) -> None:
    async with opened(way, faults=(fault,)) as (_, client):
        with lost(way):
            await client.film()
        assert (await client.film()).status_code == 200


@pytest.mark.parametrize(
    "fault", ["submit#1:timeout", "submit#1:accept-then-timeout", "submit#1:late=60s"]
)
async def test_a_reply_that_does_not_come_in_time_is_a_time_out(way: str, fault: str) -> None:
    async with opened(way, faults=(fault,)) as (mock, client):
        timeout = httpx.Timeout(PATIENCE, read=0.2)
        path = "/pictoryapis/v1/aistudio/videos"
        order = {"prompt": "A drone over a forest"}
        with pytest.raises(httpx.ReadTimeout):
            await client("POST", path, json=order, headers=client.pictory, timeout=timeout)
        assert mock.world("x").clock.now() == 0


async def something_due(world: World) -> None:
    while not len(world.engine.scheduler.agenda):  # noqa: ASYNC110 - it may be in another thread
        await asyncio.sleep(0.001)


async def test_a_late_reply_comes_when_time_is_moved(way: str) -> None:
    async with opened(way, faults=("submit#1:late=4s",)) as (mock, client):
        world = mock.world("x")
        ordering = asyncio.create_task(client.film())
        await something_due(world)
        await world.advance(10)
        assert (await ordering).status_code == 200
        assert world.journal.requests[0].replied_at == 4


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("poll#1:status=503 retry-after=7", (503, "7", "application/json")),
        ("poll#1:garble", (200, None, "text/html")),
    ],
)
async def test_an_answer_can_be_wrong(
    way: str, fault: str, seen: tuple[int, str | None, str]
) -> None:
    async with opened(way, faults=(fault,)) as (_, client):
        path = f"/pictoryapis/v1/jobs/{await client.film_id()}"
        got = await client("GET", path, headers=client.pictory)
        kind = got.headers["content-type"].partition(";")[0]
        assert (got.status_code, got.headers.get("retry-after"), kind) == seen


async def finished(client: Client, mock: MockServer) -> str:
    job = await client.film_id()
    await mock.world("x").run_until_idle()
    link: str = (await client.look(job))["data"]["url"]
    return link


async def test_downloads_know_ranges_heads_and_tags(way: str) -> None:
    async with opened(way) as (mock, client):
        link = await finished(client, mock)
        whole = await client.fetch(link)
        part = await client.fetch(link, Range="bytes=4-7")
        assert (part.status_code, part.content) == (206, b"ftyp")
        assert part.headers["content-range"] == f"bytes 4-7/{len(whole.content)}"
        head = await client.fetch(link, "HEAD")
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) == len(whole.content)
        tag = whole.headers["etag"]
        same = await client.fetch(link, **{"If-None-Match": tag})
        assert (same.status_code, same.content) == (304, b"")


@pytest.mark.parametrize(("fault", "size"), [("truncate=50%", 0.5), ("empty", 0.0), ("html", None)])
async def test_a_film_can_be_spoilt(way: str, fault: str, size: float | None) -> None:
    async with opened(way, faults=(f"download#2:{fault}",)) as (mock, client):
        link = await finished(client, mock)
        whole, spoilt = await client.fetch(link), await client.fetch(link)
        if size is None:
            assert spoilt.headers["content-type"].startswith("text/html")
        else:
            assert spoilt.content == whole.content[: int(len(whole.content) * size)]


async def test_a_film_can_break_off(way: str) -> None:
    async with opened(way, faults=("download#1:cut=50%",)) as (mock, client):
        link = await finished(client, mock)
        with lost(way):
            await client.fetch(link)


async def test_a_film_can_come_slowly(way: str) -> None:
    async with opened(way, faults=("download#2:trickle=10s",)) as (mock, client):
        link, world = await finished(client, mock), mock.world("x")
        whole = await client.fetch(link)
        fetching = asyncio.create_task(client.fetch(link))
        await something_due(world)
        await world.advance(60)
        assert (await fetching).content == whole.content


async def test_a_full_queue_is_refused(way: str) -> None:
    async with opened(way, max_jobs=1) as (mock, client):
        answers = [(await client.video(f"dawn {n}")).status_code for n in range(2)]
        assert answers == [200, 429]
        await mock.world("x").run_until_idle()
        assert (await client.video("noon")).status_code == 200


async def test_too_many_requests_are_refused(way: str) -> None:
    async with opened(way, requests_per_minute=2) as (mock, client):
        assert [(await client.film()).status_code for _ in range(3)] == [200, 200, 429]
        await mock.world("x").advance(61)
        assert (await client.film()).status_code == 200


async def test_each_key_has_a_world_of_its_own(way: str) -> None:
    async with opened(way) as (mock, client):
        job = await client.film_id()
        other = {"Authorization": "pictai_mock_y"}
        path = f"/pictoryapis/v1/jobs/{job}"
        there = (await client("GET", f"/~x{path}", headers=other)).json()
        assert there == await client.look(job)
        assert (await client("GET", path, headers=other)).json() != there
        assert {name: len(world.jobs) for name, world in mock.worlds.items()} == {"x": 1, "y": 0}
        await mock.world("y").advance(50)
        assert mock.world("x").clock.now() == 0


async def test_a_path_that_nobody_knows_is_not_found(way: str) -> None:
    async with opened(way) as (_, client):
        got = await client("GET", "/pictoryapis/v9/nothing", headers=client.pictory)
        assert (got.status_code, got.json()) == (
            404,
            {"error": "No such path: /pictoryapis/v9/nothing"},
        )


async def test_an_encoded_id_is_seen_as_it_was_sent(way: str) -> None:
    async with opened(way) as (mock, client):
        video = (await client.video()).json()["video_id"]
        await mock.world("x").run_until_idle()
        assert (await client.useapi_get(f"/videos/{video}")).status_code == 200
        encoded = video.replace(":", "%3A")
        assert (await client.useapi_get(f"/videos/{encoded}")).status_code == 400


async def test_the_clock_can_be_moved_over_the_wire(way: str) -> None:
    async with opened(way) as (mock, client):
        job = await client.film_id()
        moved = await client("POST", "/~x/__mock/clock/advance", json={"until_idle": True})
        assert moved.json()["now"] == mock.world("x").clock.now() == 50
        assert (await client.look(job))["data"]["status"] == "completed"


async def story(way: str) -> dict[str, str]:
    """What comes of a fixed programme of requests, chance and faults included."""
    receiver = Receiver()
    settings: dict[str, Any] = {
        "seed": 7,
        "max_jobs": 2,
        "faults": ("submit#2:accept-then-reset", "callback#1:duplicate=2", "poll#2:garble"),
        "chaos": ("poll:status=503=30%", "callback:delay=9s=50%"),
    }
    seen = hashlib.sha256()
    async with opened(way, callbacks=receiver.transport, **settings) as (mock, client):
        world = mock.world("x")
        picture = (await client.upload(png("teal"))).json()["result"][0]["path"]
        for n in range(4):
            for ordering in (
                client.film(f"a boat at sea, {n}", webhook=HOOK),
                client.video(f"dawn {n}", first_frame_path=picture, replyUrl=HOOK),
            ):
                try:
                    seen.update((await ordering).content)
                except LOST:
                    seen.update(b"lost")
            await world.advance(20)
            for job in world.jobs:
                path = f"/pictoryapis/v1/jobs/{job.id}"
                seen.update((await client("GET", path, headers=client.pictory)).content)
        await world.run_until_idle()
        media = hashlib.sha256()
        for job in world.jobs:
            media.update((await client.fetch(f"/~x/media/{job.order.media_name}.mp4")).content)
        return {
            "ids": " ".join(job.id for job in world.jobs),
            "journal": journal_bytes(world).decode(),
            "media": media.hexdigest(),
            "seen": seen.hexdigest(),
            "callbacks": repr(receiver.bodies),
        }


async def test_the_same_requests_make_the_same_world_to_the_byte_whichever_way_they_come() -> None:
    first, *others = [await story(way) for way in WAYS]
    assert "dawn 3" in first["journal"]
    for name, other in zip(list(WAYS)[1:], others, strict=True):
        assert other == first, name
