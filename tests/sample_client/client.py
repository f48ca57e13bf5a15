"""A small program that orders films. It is careful, unless it is given bad habits."""

import asyncio
from collections.abc import MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from tests.sample_client.api import Api, News, Wish

PATIENCE = 30.0
BUSY_SECONDS = 15.0
LOOK_SECONDS = 10.0
SETTLE_SECONDS = 60.0
LOOKS_IN_LISTS = 3
REFUSALS = {400, 401, 402, 403, 404, 412, 413, 422, 596}


class RefusedError(Exception):
    """The provider does not take the order."""


class FailedError(Exception):
    """The job ended without a film."""


@dataclass(frozen=True)
class Habits:
    """The usual mistakes, each as a switch; as it comes, none is made."""

    poll_seconds: float = 15.0
    waits_when_busy: bool = True
    takes_no_for_an_answer: bool = True
    searches_when_in_doubt: bool = True
    looks_after_the_end: int = 0
    survives_failed_looks: bool = True
    counts_its_jobs: bool = True
    believes_callbacks: bool = False
    fetches_at_each_callback: bool = False
    fetches_films: bool = True
    callback_seconds: float = 0.0
    callback_status: int = 200


CAREFUL = Habits()


class Client:
    """Orders films from one provider and answers its callbacks."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        api: Api,
        habits: Habits = CAREFUL,
        *,
        hook: str | None = None,
        max_jobs: int = 3,
    ) -> None:
        self._http = http
        self._api = api
        self._habits = habits
        self._hook = hook
        self._slots = asyncio.Semaphore(max_jobs if habits.counts_its_jobs else 1000)
        self._sending = asyncio.Lock()
        self._free_at = 0.0
        self._look_at = 0.0
        self._known: set[str] = set()
        self._hints: dict[str, asyncio.Event] = {}
        self._believed: dict[str, News] = {}
        self._tasks: set[asyncio.Task[bytes]] = set()

    async def film(self, prompt: str, *, seed: int = 7, picture: bytes | None = None) -> bytes:
        path = None if picture is None else await self._upload(picture)
        async with self._slots:
            job = await self._submit(Wish(prompt, seed, path, self._hook))
            news = await self._watch(job)
        if news.state == "failed":
            raise FailedError(job)
        return await self._fetch(news.url) if self._habits.fetches_films else b""

    # --- sending

    async def _upload(self, picture: bytes) -> str:
        while True:
            response = await self._send(
                "POST",
                self._api.upload_path or "",
                content=picture,
                headers={"content-type": "image/png"},
            )
            if response is not None and response.status_code in REFUSALS:
                raise RefusedError(response.text)
            if response is not None and is_json(response):
                return str(response.json()["result"][0]["path"])
            await asyncio.sleep(5)

    async def _submit(self, wish: Wish) -> str:
        if not self._habits.counts_its_jobs:
            return await self._submitted(wish)
        async with self._sending:
            return await self._submitted(wish)

    async def _submitted(self, wish: Wish) -> str:
        while True:
            await self._until(self._free_at)
            response = await self._send("POST", self._api.submit_path, json=self._api.order(wish))
            if response is not None and response.status_code == 429:
                await self._be_patient(response)
            elif response is not None and response.status_code in REFUSALS:
                if self._habits.takes_no_for_an_answer:
                    raise RefusedError(response.text)
                await asyncio.sleep(1)
            elif response is not None and is_json(response):
                return self._mine(self._api.job_of(response.json()))
            elif self._habits.searches_when_in_doubt:
                if (job := await self._search(wish)) is not None:
                    return self._mine(job)
            else:
                await asyncio.sleep(1)

    def _mine(self, job: str) -> str:
        self._known.add(job)
        self._hints[job] = asyncio.Event()
        return job

    async def _be_patient(self, response: httpx.Response) -> None:
        seconds = float(response.headers.get("retry-after", BUSY_SECONDS))
        if self._habits.waits_when_busy:
            self._free_at = asyncio.get_running_loop().time() + seconds
        else:
            await asyncio.sleep(1)

    async def _search(self, wish: Wish) -> str | None:
        """The job of a submit whose reply told nothing; None where there is surely none."""
        looks = 0
        while looks < LOOKS_IN_LISTS:
            await asyncio.sleep(SETTLE_SECONDS)
            response = await self._send("GET", self._api.list_path)
            if response is None or not is_json(response):
                continue
            looks += 1
            for job in self._api.listed(response.json(), wish):
                if job not in self._known:
                    return job
        return None

    # --- looking

    async def _watch(self, job: str) -> News:
        looked_at = asyncio.get_running_loop().time()
        while True:
            await self._pause(job, looked_at)
            if job in self._believed:
                return self._believed[job]
            await self._until(self._look_at)
            looked_at = asyncio.get_running_loop().time()
            news = await self._look(job)
            if news is not None and news.state != "running":
                for _ in range(self._habits.looks_after_the_end):
                    await asyncio.sleep(self._habits.poll_seconds)
                    await self._look(job)
                return news

    async def _look(self, job: str) -> News | None:
        response = await self._send("GET", self._api.look_path(job))
        if response is not None and response.status_code == 429:
            seconds = float(response.headers.get("retry-after", BUSY_SECONDS))
            self._look_at = asyncio.get_running_loop().time() + seconds
        if response is not None and (is_json(response) or response.status_code == 404):
            return self._api.news(response)
        if not self._habits.survives_failed_looks:
            raise FailedError(job)
        return None

    async def _pause(self, job: str, looked_at: float) -> None:
        hint = self._hints[job]
        with suppress(TimeoutError):
            async with asyncio.timeout(self._habits.poll_seconds):
                await hint.wait()
        hint.clear()
        await self._until(looked_at + min(LOOK_SECONDS, self._habits.poll_seconds))

    async def _until(self, moment: float) -> None:
        await asyncio.sleep(max(0.0, moment - asyncio.get_running_loop().time()))

    # --- fetching

    async def _fetch(self, url: str) -> bytes:
        for _ in range(10):
            response = await self._send("GET", url)
            if response is not None and is_film(response):
                return response.content
            await asyncio.sleep(15)
        raise FailedError(url)

    async def _send(self, method: str, url: str, **more: Any) -> httpx.Response | None:
        """The answer; None where there was none in time."""
        headers = {**self._api.headers, **more.pop("headers", {})}
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._http.request(method, url, headers=headers, **more)
        except (httpx.HTTPError, TimeoutError):
            return None

    # --- listening

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """The receiver of callbacks: an ASGI application."""
        assert scope["type"] == "http"
        response = httpx.Response(200, content=(await receive())["body"])
        await asyncio.sleep(self._habits.callback_seconds)
        self._hear(response.json())
        await send(
            {"type": "http.response.start", "status": self._habits.callback_status, "headers": []}
        )
        await send({"type": "http.response.body", "body": b""})

    def _hear(self, body: Any) -> None:
        job, news = self._api.heard(body)
        if self._habits.believes_callbacks and news.state != "running":
            self._believed[job] = news
        if self._habits.fetches_at_each_callback and news.state == "done":
            task = asyncio.get_running_loop().create_task(self._fetch(news.url))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if job in self._hints:
            self._hints[job].set()


def is_json(response: httpx.Response) -> bool:
    """Whether it is a success that can be read."""
    kind = response.headers.get("content-type", "")
    return response.is_success and kind.startswith("application/json")


def is_film(response: httpx.Response) -> bool:
    """Whether it is a film from its first box to its last."""
    data, at, boxes = response.content, 0, []
    while at + 8 <= len(data):
        boxes.append(data[at + 4 : at + 8])
        at += max(8, int.from_bytes(data[at : at + 4], "big"))
    return response.status_code == 200 and at == len(data) and b"moov" in boxes
