import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Any

from mockserver import Settings, World
from mockserver.control import records
from mockserver.control.records import stream
from mockserver.wire.http import Request, Response, write
from tests.mockserver.control.conftest import Open


def events_of(data: bytes) -> list[tuple[str, str | None, Any]]:
    """Name, id and data of each event."""
    found = []
    for block in data.decode().split("\n\n"):
        fields = dict(row.split(": ", 1) for row in block.splitlines() if row)
        if "event" in fields:
            found.append((fields["event"], fields.get("id"), json.loads(fields["data"])))
    return found


async def next_events(pieces: AsyncIterator[bytes]) -> list[tuple[str, str | None, Any]]:
    return events_of(await asyncio.wait_for(anext(pieces), 5))


def request(path: str, body: bytes = b"", method: str = "POST") -> Request:
    return Request(
        method=method,
        path=path,
        query={},
        headers={"authorization": "pictai_mock", "content-type": "application/json"},
        body=body,
        origin="http://mock.test",
    )


async def submit(world: World, prompt: str) -> Response:
    body = json.dumps({"prompt": prompt}).encode()
    return await world.answer(request("/pictoryapis/v1/aistudio/videos", body))


async def test_lines_come_as_they_are_written() -> None:
    async with World(settings=Settings(clock="frozen")) as world:
        async with aclosing(stream(world, 0, brief=True)) as pieces:
            ((name, _, start),) = await next_events(pieces)
            waiting = asyncio.ensure_future(next_events(pieces))
            await asyncio.sleep(0)
            await submit(world, "dawn at sea")
            lines = await waiting

        assert (name, start["world"], start["clock"]["now"]) == ("world", "default", 0)
        assert [(line["line"], line["n"]) for _, _, line in lines] == [
            ("entry", 2),
            ("exchange", 1),
        ]


async def test_a_stream_goes_on_behind_the_last_event_that_was_seen() -> None:
    async with World(settings=Settings(clock="frozen")) as world:
        world.fail_next("submit#1:late=5s")
        late = asyncio.create_task(submit(world, "dawn at sea"))
        await asyncio.sleep(0)
        await submit(world, "dusk at sea")
        async with aclosing(stream(world, 0, brief=True)) as pieces:
            await next_events(pieces)
            before = await next_events(pieces)
        await world.advance(5)
        await late
        async with aclosing(stream(world, len(before), brief=True)) as pieces:
            await next_events(pieces)
            after = await next_events(pieces)

    ids = [int(place or 0) for _, place, _ in before + after]
    numbers = sorted(line["n"] for _, _, line in before + after)
    assert ids == list(range(1, len(ids) + 1))
    # The late line is told although its number is lower than some that were told before.
    assert numbers == list(range(1, len(ids) + 1))
    assert max(line["n"] for _, _, line in before) > min(line["n"] for _, _, line in after)


async def test_a_stream_from_another_life_begins_anew() -> None:
    async with World(settings=Settings(clock="frozen")) as world:
        await submit(world, "dawn at sea")
        async with aclosing(stream(world, 50, brief=True)) as pieces:
            await next_events(pieces)
            assert len(await next_events(pieces)) == 2


async def test_a_reset_ends_the_stream_and_gives_the_world_another_life() -> None:
    async with World(settings=Settings(clock="frozen")) as world:
        life = world.life
        pieces = stream(world, 0, brief=True)
        await anext(pieces)
        waiting = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0)
        await world.reset()
        with suppress(StopAsyncIteration):
            await asyncio.wait_for(waiting, 5)
            raise AssertionError("the stream went on")

        assert world.life != life


async def test_a_quiet_stream_shows_that_it_is_there(monkeypatch: Any) -> None:
    monkeypatch.setattr(records, "BEAT_SECONDS", 0.001)
    async with (
        World(settings=Settings(clock="frozen")) as world,
        aclosing(stream(world, 0, brief=True)) as pieces,
    ):
        await anext(pieces)
        assert await anext(pieces) == b": nothing new\n\n"


async def test_a_client_that_goes_ends_its_stream() -> None:
    async with World(settings=Settings(clock="frozen")) as world:
        response = await world.answer(request("/__mock/events", method="GET"))
        sent: list[Any] = []
        gone = asyncio.Event()

        async def receive() -> dict[str, str]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)
            if b"event: world" in message.get("body", b""):
                gone.set()

        await asyncio.wait_for(write(response, receive, send, asyncio.sleep), 5)

        assert (b"content-type", b"text/event-stream") in sent[0]["headers"]
        assert not any(name == b"content-length" for name, _ in sent[0]["headers"])
        assert not world.journal._watching


async def test_the_place_to_resume_from_comes_by_header_or_query(opened: Open) -> None:
    async with opened() as hand:
        await hand.submit()
        for query, header in (({"since": "1"}, {}), ({"since": "0"}, {"last-event-id": "1"})):
            asked = request("/__mock/events", method="GET")
            asked.query, asked.headers = query, header
            response = await hand.world.answer(asked)
            assert response.stream is not None
            first = await anext(response.stream)
            ((_, place, _),) = events_of(await anext(response.stream))
            assert b"event: world" in first
            assert place == "2"
