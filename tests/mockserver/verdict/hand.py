"""A world that stands still, and a client's hand in it: each step is one request or one wait."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx

from mockserver import Settings, World
from mockserver.engine.jobs import Job
from mockserver.engine.outside import Outside
from mockserver.media.store import MediaStore

T = TypeVar("T")

SOON: Final = 0.5
"""Seconds of real time."""
HOOK = "http://127.0.0.1:9/hook"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
    "53de0000000c49444154789c63606060000000040001f61738550000000049454e44ae426082"
)
MEDIA = MediaStore()


async def nothing() -> None:
    pass


class Hand:
    def __init__(self, world: World, http: httpx.AsyncClient) -> None:
        self.world = world
        self.http = http
        self.answer = 200
        """What the receiver of callbacks answers."""
        self.work: Callable[[], Awaitable[object]] = nothing
        """What the receiver does before it answers."""
        self.keys = {name: world.key(name) for name in ("pictory", "pixverse")}

    async def receive(self, _: httpx.Request) -> httpx.Response:
        await self.work()
        return httpx.Response(self.answer)

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        provider = "pictory" if path.startswith("/pictoryapis") else "pixverse"
        bearer = "" if provider == "pictory" else "Bearer "
        headers = {"authorization": bearer + self.keys[provider], **more.pop("headers", {})}
        try:
            return await self.http.request(method, path, headers=headers, **more)
        except httpx.HTTPError:
            return None

    async def pictory(self, prompt: str = "A lighthouse", **fields: Any) -> Job | None:
        body = {"prompt": prompt, **fields}
        return await self._submit("/pictoryapis/v1/aistudio/videos", body)

    async def pixverse(
        self, prompt: str = "A lighthouse", *, endpoint: str = "create-v4", **fields: Any
    ) -> Job | None:
        body = {"prompt": prompt, "quality": "360p", **fields}
        return await self._submit(f"/v2/pixverse/videos/{endpoint}", body)

    async def _submit(self, path: str, body: dict[str, Any]) -> Job | None:
        before = len(self.world.jobs)
        await self.ask("POST", path, json=body)
        made = tuple(self.world.jobs)
        return made[-1] if len(made) > before else None

    async def made(self, prompt: str = "A lighthouse", **fields: Any) -> Job:
        job = await self.pictory(prompt, **fields)
        assert job is not None
        return job

    async def made_at_pixverse(self, prompt: str = "A lighthouse", **fields: Any) -> Job:
        job = await self.pixverse(prompt, **fields)
        assert job is not None
        return job

    async def look(self, job: Job) -> httpx.Response | None:
        if job.order.provider == "pictory":
            return await self.ask("GET", f"/pictoryapis/v1/jobs/{job.id}")
        return await self.ask("GET", f"/v2/pixverse/videos/{quote(job.id, safe=':@')}")

    async def list_(self, provider: str = "pictory", query: str = "") -> httpx.Response | None:
        path = {"pictory": "/pictoryapis/v1/jobs", "pixverse": "/v2/pixverse/videos"}[provider]
        return await self.ask("GET", path + query)

    async def fetch(self, job: Job, kind: str = "mp4") -> httpx.Response | None:
        return await self.ask("GET", f"/media/{job.order.media_name}.{kind}")

    async def upload(self, data: bytes = PNG, kind: str = "image/png") -> str:
        response = await self.ask(
            "POST", "/v2/pixverse/files", content=data, headers={"content-type": kind}
        )
        if response is None or not response.text.startswith('{"result"'):
            return ""
        return str(response.json()["result"][0]["path"])

    async def configure(self, email: str = "ops@example.com", max_jobs: int = 3) -> None:
        body = {"email": email, "password": "x", "maxJobs": max_jobs}
        path = f"/v2/pixverse/accounts/{quote(email, safe='@')}"
        await self.ask("POST", path, json=body)

    async def left_waiting(self, request: Awaitable[T]) -> T:
        """A request whose answer cannot come while time stands still: it is given up soon."""
        patience, self.http.timeout = self.http.timeout, httpx.Timeout(SOON)
        try:
            return await request
        finally:
            self.http.timeout = patience

    async def wait(self, seconds: float) -> None:
        await self.world.advance(seconds)

    async def end_well(self, job: Job) -> None:
        """Sees a job through as a good client does."""
        while not job.ended:
            await self.wait(15)
        await self.look(job)
        if job.phase == "completed":
            await self.fetch(job)

    @property
    def broken(self) -> list[str]:
        """The rules that were broken so far."""
        return [finding.rule for finding in self.world.verdict().findings]

    def requests_of(self, rule: str) -> tuple[int, ...]:
        """The journal's lines of the only finding of a rule."""
        (finding,) = [one for one in self.world.verdict().findings if one.rule == rule]
        return finding.requests


@asynccontextmanager
async def hand(*faults: str, **settings: Any) -> AsyncIterator[Hand]:
    hands: list[Hand] = []

    async def receiver(request: httpx.Request) -> httpx.Response:
        return await hands[0].receive(request)

    outside = Outside(callback_transport=httpx.MockTransport(receiver))
    given = Settings(**{"clock": "frozen", "faults": faults, **settings})
    world = World(settings=given, outside=outside, media=MEDIA)
    transport = world.transport()
    async with (
        world,
        httpx.AsyncClient(transport=transport, base_url="http://mock.test") as http,
    ):
        hands.append(Hand(world, http))
        yield hands[0]
