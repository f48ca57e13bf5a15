import asyncio
import json
import re
from typing import Any

import httpx
import pytest

from mockserver import Settings
from mockserver.record.har import har
from tests.mockserver.drivers import png
from tests.mockserver.record.histories import HOOK, TOKENS, world_of

ENTRY = {"startedDateTime", "time", "request", "response", "cache", "timings"}
REQUEST = {
    "method",
    "url",
    "httpVersion",
    "cookies",
    "headers",
    "queryString",
    "headersSize",
    "bodySize",
}
RESPONSE = {
    "status",
    "statusText",
    "httpVersion",
    "cookies",
    "headers",
    "content",
    "redirectURL",
    "headersSize",
    "bodySize",
}
"""What HAR 1.2 demands of each."""


async def recorded(**settings: Any) -> Any:
    world = world_of("frozen", public_url="https://film.example.com", **settings)
    transport = httpx.ASGITransport(app=world.app)
    async with world, httpx.AsyncClient(transport=transport, base_url="http://mock.test") as http:
        headers = {"authorization": TOKENS[0]}
        picture = {**headers, "content-type": "image/png"}
        await http.post(
            "/v2/pixverse/files?email=ops@example.com", content=png("red"), headers=picture
        )
        world.fail_next("submit#1:late=3s")
        body = {"prompt": "dawn", "replyUrl": HOOK}
        submit = http.post("/v2/pixverse/videos/create-v4", json=body, headers=headers)
        _, answer = await gathered(world.advance(3), submit)
        await world.run_until_idle()
        video = answer.json()["video_id"]
        found = await http.get(f"/v2/pixverse/videos/{video}", headers=headers)
        await http.get(found.json()["url"].removeprefix("https://film.example.com"))
        await http.post("/inbox/main", content=b'{"type": "x"}')
        return json.loads(json.dumps(har(world))), world


async def gathered(move: Any, request: Any) -> Any:
    task = asyncio.create_task(request)
    for _ in range(5):
        await asyncio.sleep(0)
    return await move, await task


async def test_every_field_that_the_format_demands_is_there() -> None:
    document, _ = await recorded()
    log = document["log"]

    assert (log["version"], log["creator"].keys()) == ("1.2", {"name", "version"})
    assert log["entries"]
    for entry in log["entries"]:
        assert entry.keys() >= ENTRY
        assert entry["request"].keys() >= REQUEST
        assert entry["response"].keys() >= RESPONSE
        assert {"size", "mimeType"} <= entry["response"]["content"].keys()
        assert {"send", "wait", "receive"} <= entry["timings"].keys()
        assert entry["time"] == sum(entry["timings"].values())
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["startedDateTime"])
        assert entry["request"]["url"].startswith(("https://film.example.com/", "http://127.0.0.1"))
        extra = entry.keys() - ENTRY
        assert all(name.startswith("_") for name in extra)
        if "postData" in entry["request"]:
            assert {"mimeType", "text"} <= entry["request"]["postData"].keys()


async def test_entries_come_by_line_and_tell_of_both_directions() -> None:
    document, world = await recorded()
    entries = document["log"]["entries"]
    numbers = [entry["_n"] for entry in entries]
    acts = [entry["_act"] for entry in entries]

    assert numbers == sorted(numbers)
    assert acts[:2] == ["upload", "submit"]
    assert acts.count("callback") == len(world.journal.deliveries) > 0
    assert acts[-3:] == ["poll", "download", "webhook"]
    callback = entries[acts.index("callback")]
    assert callback["_direction"] == "out"
    assert callback["_job"] == entries[1]["_job"]
    assert json.loads(callback["request"]["postData"]["text"])["video_id"] == callback["_job"]


async def test_times_are_those_of_the_virtual_calendar() -> None:
    document, _ = await recorded()
    submit = document["log"]["entries"][1]

    assert submit["startedDateTime"] == "2026-01-01T00:00:00.000Z"
    assert submit["time"] == pytest.approx(3000)
    assert submit["_faults"] == ["submit#1:late=3s"]


async def test_bodies_are_text_where_they_can_be_and_base64_otherwise() -> None:
    document, _ = await recorded()
    upload, submit = document["log"]["entries"][:2]

    assert upload["request"]["queryString"] == [{"name": "email", "value": "ops@example.com"}]
    assert upload["request"]["postData"]["_encoding"] == "base64"
    assert json.loads(submit["request"]["postData"]["text"])["prompt"] == "dawn"
    assert "_encoding" not in submit["request"]["postData"]


async def test_no_secret_is_in_it() -> None:
    document, _ = await recorded()

    assert "a-real-secret" not in json.dumps(document)


def test_an_empty_world_has_an_empty_log() -> None:
    assert har(world_of("frozen"))["log"]["entries"] == []
    assert Settings().seed == 0
