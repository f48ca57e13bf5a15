import hashlib
import json

import httpx

from mockserver import Settings, World
from mockserver.magic.table import TRIGGERS
from mockserver.pictory import Pictory
from mockserver.pixverse import Pixverse
from mockserver.record.secrets import MAGIC, harmless, stand_in
from mockserver.record.worldfile import journal_bytes, save
from mockserver.wire.http import Request
from tests.mockserver.drivers import png


def request(authorization: str) -> Request:
    return Request(
        method="GET",
        path="/",
        query={},
        headers={"authorization": authorization} if authorization else {},
        body=b"",
        origin="http://mock.test",
    )


def test_a_key_is_kept_as_one_that_is_answered_like_it() -> None:
    assert stand_in(Pictory, request("pictai_s3cret")) == "pictai_mock"
    assert stand_in(Pictory, request("pictai_s3cret-402")) == "pictai_mock-402"
    assert stand_in(Pictory, request("pictai_s3cret-4f2")) == "pictai_mock"
    assert stand_in(Pixverse, request("Bearer user:77-s3cret-596")) == "Bearer user:77-mock-596"
    for malformed in ("", "Bearer pictai_s3cret", "s3cret"):
        assert stand_in(Pictory, request(malformed)) is None
    assert stand_in(Pixverse, request("user:77-s3cret")) is None


def test_every_magic_value_of_a_key_survives() -> None:
    values = [one.value for one in TRIGGERS if one.carrier in {"key", "token"}]

    assert values
    assert all(value.rpartition("-")[2] in MAGIC for value in values)


def test_headers_that_may_hold_a_secret_are_not_kept() -> None:
    headers = {
        "authorization": "a",
        "cookie": "b",
        "x-api-key": "c",
        "x-auth-token": "d",
        "proxy-authorization": "e",
        "host": "f",
        "content-type": "image/png",
        "idempotency-key": "g",
        "webhook-signature": "v1,h",
    }

    assert harmless(headers).keys() == {"content-type", "idempotency-key", "webhook-signature"}


async def test_a_file_says_what_it_is_and_how_the_journal_came_out() -> None:
    settings = Settings(clock="per-poll", seed=7, control_token="s3cret", extra_hosts=("far",))
    async with World("w1", settings) as world:
        transport = httpx.ASGITransport(app=world.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://mock.test") as http:
            headers = {"authorization": "Bearer user:1-s3cret", "content-type": "image/png"}
            picture = png("red")
            await http.post("/v2/pixverse/files", content=picture, headers=headers)
            await http.get("/pictoryapis/v1/quota", headers={"authorization": "pictai_s3cret"})
        data = save(world)

    file = json.loads(data)
    bodies = [one["body"] for one in file["inputs"] if one["what"] == "asked"]
    assert (file["format"], file["version"]) == ("filmgate-world", 1)
    assert (file["name"], file["clock"], file["settings"]["seed"]) == ("w1", "per-poll", 7)
    assert file["settings"]["epoch"].startswith("2026-01-01T00:00:00")
    assert file["providers"] == ["pictory", "pixverse"]
    assert ["base64" in body for body in bodies] == [True, False]
    assert file["journal"] == {
        "lines": 2,
        "digest": hashlib.sha256(journal_bytes(world)).hexdigest(),
    }
    assert b"s3cret" not in data
    assert "extra_hosts" not in file["settings"]
