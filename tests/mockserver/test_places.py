"""Where the mock is reached, by which host and port, makes no difference to what comes of it."""

import hashlib
from typing import Any

import httpx
import pytest

from mockserver import MockServer, Settings, World
from mockserver.lineage import placeless
from mockserver.record.replay import replay
from mockserver.record.worldfile import journal_bytes, save
from tests.mockserver.drivers import PICTORY, Client, png

PLACES = (
    "http://127.0.0.1:4000",
    "http://127.0.0.1:40001",
    "http://127.0.0.1",
    "https://api.pictory.ai",
    "http://mock.test/mounted",
)
FAR = "https://far.example.com/media/other.png"


def reached(world: World, place: str) -> httpx.AsyncClient:
    origin, _, root = place.partition("/mounted")
    path = f"/mounted{root}" if place.endswith("mounted") else ""
    transport = httpx.ASGITransport(app=world.app, root_path=path)
    return httpx.AsyncClient(transport=transport, base_url=origin + path)


async def story(place: str) -> tuple[dict[str, Any], bytes]:
    """Films that begin where others ended, and the world's file."""
    nobody = httpx.MockTransport(lambda _: httpx.Response(204))
    settings = Settings(clock="frozen", extra_hosts=("api.pictory.ai", "mock.test"))
    world = World(settings=settings, callback_transport=nobody)
    async with world, reached(world, place) as http:
        client = Client(http)
        inbox = f"{place}/inbox/main"
        first = await client.pictory_id(webhook=inbox)
        await world.run_until_idle()
        seen = (await client.pictory_job(first))["data"]
        await client.pictory("It goes on", firstFrameImageUrl=seen["lastFrameImageUrl"])
        await client.pictory(f"As in {seen['url']}.", referenceImageUrls=[FAR])
        await client.pictory("On and on", extendVideoUrl=seen["url"], webhook=inbox)
        await client.upload(png("teal"))
        video = (await client.text_video(replyUrl=inbox)).json()["video_id"]
        await world.run_until_idle()
        await client.useapi(f"/videos/{video}")
        await http.post(
            "/v2/pixverse/videos/extend-v3",
            json={"prompt": "on", "video_id": video},
            headers={"Authorization": "Bearer user:1234-test"},
        )
        await world.run_until_idle()
        films = [await http.get(f"/media/{job.order.media_name}.mp4") for job in world.jobs]
        found = {
            "ids": [job.id for job in world.jobs],
            "phases": [job.phase for job in world.jobs],
            "films": [hashlib.sha256(film.content).hexdigest() for film in films],
            "journal": journal_bytes(world),
        }
        return found, save(world)


async def test_ids_films_and_journal_are_the_same_at_every_host_and_port() -> None:
    first, *others = [(await story(place))[0] for place in PLACES]

    assert first["phases"] == ["completed"] * 6
    assert len(set(first["films"])) == 6
    for place, other in zip(PLACES[1:], others, strict=True):
        for what, value in first.items():
            assert other[what] == value, (place, what)


async def test_a_replay_has_the_same_journal_wherever_it_was_recorded() -> None:
    found, file = await story(PLACES[1])

    assert journal_bytes(await replay(file)) == found["journal"]


async def test_another_source_is_another_wish_and_a_foreign_link_stays_what_it_is() -> None:
    world = World(settings=Settings(clock="frozen"))
    async with world, reached(world, "http://mock.test") as http:
        client = Client(http)
        stems = []
        for prompt in ("A boat at sea", "A boat at dawn"):
            await client.pictory(prompt)
            stems.append(list(world.jobs)[-1].order.media_name)
        links = [
            *(f"http://mock.test/media/{stem}.last.png" for stem in stems),
            f"https://elsewhere.example.com/media/{stems[0]}.last.png",
            "http://mock.test/media/pictory-0123456789ab.last.png",
            "https://elsewhere.example.com/media/pictory-0123456789ab.last.png",
        ]
        for link in links:
            await client.pictory("It goes on", firstFrameImageUrl=link)

        intents = [job.order.intent for job in world.jobs][2:]
        assert len(set(intents)) == 4
        assert intents[0] == intents[2]


async def test_the_path_of_a_world_in_a_link_is_no_part_of_the_wish() -> None:
    server = MockServer(Settings(clock="frozen"))
    transport = httpx.ASGITransport(app=server.app)
    keys = []
    async with server, httpx.AsyncClient(transport=transport, base_url="http://mock.test") as http:
        for world in (server.world("default"), server.world("beta")):
            path = f"{world.prefix}/pictoryapis/v1/aistudio/videos"
            await http.post(path, json={"prompt": "A boat at sea"}, headers=PICTORY)
            (job,) = world.jobs
            link = f"http://mock.test{world.prefix}/media/{job.order.media_name}.last.png"
            body = {"prompt": "It goes on", "firstFrameImageUrl": link}
            await http.post(path, json=body, headers=PICTORY)
            keys.append([each.order.key for each in world.jobs])

    assert keys[0] == keys[1]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("see http://a:1/media/x.mp4.", "see /media/x.mp4."),
        ("HTTPS://b/~w/media/upload/u.png", "/media/upload/u.png"),
        ('"http://a/media/x.mp4","http://b/media/x.png"', '"/media/x.mp4","/media/x.png"'),
        ("http://evil/?to=http://a/media/x.mp4", "http://evil/?to=/media/x.mp4"),
        ("http://a/media/z.mp4", "http://a/media/z.mp4"),
        ("/media/x.mp4", "/media/x.mp4"),
    ],
)
def test_only_links_to_what_is_here_lose_their_place(text: str, left: str) -> None:
    assert placeless(text, {"x.mp4", "x.png", "upload/u.png"}.__contains__) == left


async def test_a_public_url_is_no_part_of_the_journal_either() -> None:
    journals = []
    for place in PLACES[:2]:
        settings = Settings(clock="frozen", public_url=PLACES[1])
        world = World(settings=settings)
        async with world, reached(world, place) as http:
            job = await Client(http).pictory_id()
            await world.run_until_idle()
            await Client(http).pictory_job(job)
            journals.append(journal_bytes(world))

    assert journals[0] == journals[1]
