"""A provider nobody here has heard of plugs in through the contract and a registry row alone."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx

from gateway.app import build_app, build_tools
from gateway.config import AccountSettings, DatabaseSettings, MediaSettings, Settings
from gateway.engine.loop import Engine
from gateway.engine.tools import Tools
from gateway.model.clock import SECOND
from gateway.net import Upstream
from mockserver.media.clip import Clip
from mockserver.media.render import film
from providers.contract import Secret
from providers.registry import ADAPTERS
from tests.rig import EPOCH
from tests.toy import reelworks

KEY: Final = "reel-key-0123456789"
ROWS: Final = {**ADAPTERS, "reelworks": reelworks.ADAPTER}
"""The registry with one more row."""


class Studio:
    """Reelworks itself: it makes one clip at a time, and lets the others wait in its own line."""

    def __init__(self) -> None:
        self.clips: list[dict[str, Any]] = []
        self.looks = itertools.count()
        self.reel = film(Clip(width=84, height=36, seconds=3, caption="silent"))

    async def film(self) -> AsyncIterator[bytes]:
        """A clip's bytes, as they would come from a socket."""
        yield self.reel

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(".mp4"):
            return httpx.Response(200, content=self.film())
        if request.method == "POST":
            assert request.headers["x-reel-key"] == KEY
            self.clips.append(json.loads(request.content))
            return httpx.Response(201, json={"clip": f"c{len(self.clips)}", "state": "queued"})
        number = int(request.url.path.rpartition("/c")[2])
        rolled = next(self.looks) // 2
        state = "done" if rolled >= number else "rolling" if rolled == number - 1 else "queued"
        file = f"https://cdn.reelworks.example/{number}.mp4"
        return httpx.Response(200, json={"state": state, "file": file})


class Clock:
    """Time that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.at = EPOCH * SECOND

    def now(self) -> int:
        return self.at


class Stage:
    """The gateway in front of Reelworks, in process."""

    def __init__(
        self, tools: Tools, client: httpx.AsyncClient, engine: Engine, clock: Clock
    ) -> None:
        self.tools, self.client, self.engine, self.clock = tools, client, engine, clock

    async def work(self) -> None:
        """Everything that is due within the next two minutes."""
        for _ in range(12):
            while await self.engine.turn():
                pass
            self.clock.at += 10 * SECOND


@asynccontextmanager
async def staged(folder: Path, studio: Studio) -> AsyncIterator[Stage]:
    settings = Settings(
        database=DatabaseSettings(url=f"sqlite:///{folder / 'gate.db'}"),
        media=MediaSettings(directory=folder / "media"),
        accounts=(
            AccountSettings(name="reel-a", provider="reelworks", api_key=Secret(KEY), max_jobs=10),
        ),
    )
    wire, clock = httpx.MockTransport(studio), Clock()
    upstream = Upstream((), provider_transport=wire, media_transport=wire)
    tools = await build_tools(
        settings, adapters=ROWS, clock=clock, rng=Random(0), upstream=upstream
    )
    app = build_app(settings, tools)
    transport: Any = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://gate.test") as client:
            engine: Engine = app.state.engine
            await engine.prepare()
            yield Stage(tools, client, engine, clock)
    finally:
        await tools.upstream.aclose()
        await asyncio.to_thread(tools.database.close)


async def test_its_jobs_are_made_side_by_side_since_it_queues_by_itself(tmp_path: Path) -> None:
    studio = Studio()
    async with staged(tmp_path, studio) as stage:
        ids = []
        for scene in range(3):
            answer = await stage.client.post(
                "/v1/videos", json={"model": "reelworks/silent-1", "prompt": f"Scene {scene}"}
            )
            assert answer.status_code == 202, answer.text
            ids.append(answer.json()["id"])
        await stage.work()
        videos = [(await stage.client.get(f"/v1/videos/{one}")).json() for one in ids]

    assert [video["status"] for video in videos] == ["completed"] * 3
    assert [clip["text"] for clip in studio.clips] == ["Scene 0", "Scene 1", "Scene 2"]
    assert {video["applied"]["seconds"] for video in videos} == {3}
    assert videos[0]["price"]["amount"] == 75


async def test_it_is_validated_quoted_and_listed_like_the_others(tmp_path: Path) -> None:
    studio = Studio()
    async with staged(tmp_path, studio) as stage:
        wish = {"model": "reelworks/silent-1", "prompt": "A train arrives", "seconds": 12}
        quote = await stage.client.post("/v1/videos/quote", json=wish)
        wrong = await stage.client.post(
            "/v1/videos", json=wish | {"prompt": "x" * 81, "seconds": 5, "seed": 7}
        )
        models = await stage.client.get("/v1/models")

    assert quote.status_code == 200, quote.text
    told = quote.json()
    assert (told["target"], told["price"]) == (
        "reelworks/silent-1",
        {"amount": 300, "unit": "reel_cent"},
    )
    assert told["request"]["url"] == "https://api.reelworks.example/clips"
    assert KEY not in quote.text
    assert wrong.status_code == 422
    assert [(one["pointer"], one["code"]) for one in wrong.json()["errors"]] == [
        ("/prompt", "too_long"),
        ("/seconds", "unsupported_value"),
        ("/seed", "unsupported_field"),
    ]
    assert "reelworks/silent-1" in {one["id"] for one in models.json()["data"]}
    assert studio.clips == []
