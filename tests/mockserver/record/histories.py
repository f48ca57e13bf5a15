"""Random little histories: what clients, receivers and hands may do to a world."""

import asyncio
import operator
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, ClassVar

import httpx
from hypothesis import strategies as st

from mockserver import NeverError, Settings, World
from mockserver.control import commands
from mockserver.settings import ClockKind
from tests.mockserver.drivers import png

HOOK, FAR = "http://127.0.0.1:9/hook", "https://far.example.com/hook"
PICTURES = (
    "http://127.0.0.1:9/there.png",
    "http://127.0.0.1:9/gone.png",
    "https://far.example.com/",
)
KEYS = ("pictai_a-real-secret", "pictai_mock_w", "pictai_a-real-secret-402", "Bearer nonsense", "")
TOKENS = (
    "Bearer user:77-a-real-secret",
    "Bearer user:77-a-real-secret-596",
    "user:77-a-real-secret",
)
DIRECTIVES = ("", "[[mock run=3s queue=1s]]", "[[mock fail=failed]]", "[[mock throttle=1]]")
FAULTS = (
    "submit#2:accept-then-reset",
    "submit#1:slow=3s",
    "submit#2:late=20s",
    "submit#3:callback-first",
    "poll#1:status=503",
    "poll:late=2s",
    "callback#1:duplicate=2",
    "callback#2:delay=7s",
    "callback#1:reorder",
    "callback#1:forge",
    "callback#3:drop",
    "upload#1:reset",
)
RED = png("red", (8, 6))

CHAOS = ("callback:duplicate=20%", "poll:garble=10%")

Step = tuple[str, Any]
few = st.integers(0, 3)
GIVEN: dict[str, st.SearchStrategy[Any]] = {
    "pictory": st.fixed_dictionaries(
        {
            "prompt": st.sampled_from(["dawn at sea", "dusk at sea"]),
            "directive": st.sampled_from(DIRECTIVES),
            "webhook": st.sampled_from([HOOK, HOOK, None, FAR]),
            "first": st.sampled_from([None, None, *PICTURES]),
            "key": st.sampled_from([*KEYS[:2] * 3, *KEYS]),
        }
    ),
    "pixverse": st.fixed_dictionaries(
        {
            "hook": st.booleans(),
            "token": st.sampled_from([*TOKENS[:1] * 4, *TOKENS]),
            "frames": st.booleans(),
            "seed": st.sampled_from([1, 2]),
        }
    ),
    "fault": st.sampled_from(FAULTS),
    "poll": few,
    "download": few,
    "advance": st.sampled_from([0, 0.5, 4, 15, 60]),
    "idle": st.none(),
    "list": st.none(),
    "upload": st.sampled_from([RED, b"no picture", b""]),
    "webhook": st.binary(max_size=8),
    "nowhere": st.none(),
    "finish": st.tuples(few, st.sampled_from([None, "moderation"])),
    "hold": st.none(),
    "no faults": st.none(),
    "script": st.sampled_from(["500*2, 200", "200 slow=3s"]),
}
"""What each kind of step takes."""


def steps_of(*names: str) -> st.SearchStrategy[Step]:
    """Steps of these kinds."""
    return st.one_of([st.tuples(st.just(name), GIVEN[name]) for name in names])


ORDERS = steps_of("pictory", "pixverse", "fault", "upload")
LATER = steps_of("pictory", "pixverse", "poll", "advance", "idle", "download")
HISTORIES = st.builds(
    operator.add,
    st.lists(ORDERS, max_size=5),
    st.lists(LATER | steps_of(*GIVEN), min_size=1, max_size=15),
)


def receiver(request: httpx.Request) -> httpx.Response:
    """Answers callbacks now well, now badly, by their length."""
    if len(request.content) % 5 == 0:
        raise httpx.ConnectError("nobody there")
    return httpx.Response(200 if len(request.content) % 2 else 500, text="thanks")


def source(request: httpx.Request) -> httpx.Response:
    """Has one picture."""
    found = request.url.path == "/there.png"
    return httpx.Response(200 if found else 404, content=RED if found else b"")


def world_of(clock: ClockKind, chaos: tuple[str, ...] = (), **more: Any) -> World:
    """A world in which things may go wrong."""
    settings = Settings(clock=clock, speed=2000.0, chaos=chaos, **more)
    return World(
        settings=settings,
        callback_transport=httpx.MockTransport(receiver),
        input_transport=httpx.MockTransport(source),
    )


class Liver:
    """Lives through histories in a world, requests beside each other."""

    def __init__(self, world: World, http: httpx.AsyncClient) -> None:
        self.world = world
        self.http = http
        self.tasks: set[asyncio.Task[None]] = set()
        self.path = ""

    async def live(self, steps: list[Step]) -> None:
        """Takes one step after the other; a request that waits does not hold up the next step."""
        for name, given in steps:
            deed = self.deeds[name](self, given)
            task = asyncio.create_task(self._quiet(deed))
            self.tasks.add(task)
            await asyncio.wait({task}, timeout=0.002)
        await asyncio.sleep(0.01)

    async def _quiet(self, deed: Coroutine[Any, Any, None]) -> None:
        # Lost replies, refusals and moves inside of moves are part of life.
        with suppress(httpx.HTTPError, ValueError, KeyError, NeverError, RuntimeError):
            await deed

    def _job(self, number: int) -> Any:
        return self.world.jobs.find(f"job{number + 1}")

    async def pictory(self, given: Any) -> None:
        body = {"prompt": f"{given['prompt']} {given['directive']}"}
        body |= {"webhook": given["webhook"]} if given["webhook"] else {}
        body |= {"firstFrameImageUrl": given["first"]} if given["first"] else {}
        headers = {"authorization": given["key"]} if given["key"] else {}
        await self.http.post("/pictoryapis/v1/aistudio/videos", json=body, headers=headers)

    async def pixverse(self, given: Any) -> None:
        body = {"prompt": "dawn", "seed": given["seed"]}
        body |= {"replyUrl": HOOK, "replyRef": "ref"} if given["hook"] else {}
        way = "create-v4"
        if given["frames"] and self.path:
            body |= {"first_frame_path": self.path, "last_frame_path": self.path}
            way = "create-frames-v3"
        headers = {"authorization": given["token"]}
        await self.http.post(f"/v2/pixverse/videos/{way}", json=body, headers=headers)

    async def poll(self, number: int) -> None:
        job = self._job(number)
        if job is None:
            return
        if job.order.provider == "pictory":
            path, headers = f"/pictoryapis/v1/jobs/{job.id}", {"authorization": KEYS[0]}
        else:
            path, headers = f"/v2/pixverse/videos/{job.id}", {"authorization": TOKENS[0]}
        await self.http.get(path, headers=headers)

    async def look(self, _: None) -> None:
        await self.http.get("/pictoryapis/v1/jobs?limit=2", headers={"authorization": KEYS[1]})

    async def download(self, number: int) -> None:
        if (job := self._job(number)) is not None:
            headers = {"range": "bytes=0-99"}
            await self.http.get(f"/media/{job.order.media_name}.mp4", headers=headers)

    async def upload(self, data: bytes) -> None:
        headers = {"authorization": TOKENS[0], "content-type": "image/png"}
        answer = await self.http.post("/v2/pixverse/files", content=data, headers=headers)
        if answer.status_code == 200:
            self.path = answer.json()["result"][0]["path"]

    async def webhook(self, data: bytes) -> None:
        await self.http.post("/inbox/main", content=data, headers={"webhook-id": "1"})

    async def nowhere(self, _: None) -> None:
        await self.http.get("/nowhere?secret=no")

    async def advance(self, seconds: float) -> None:
        await self.world.advance(seconds)

    async def idle(self, _: None) -> None:
        await self.world.run_until_idle()

    async def finish(self, given: Any) -> None:
        await self.world.finish(f"job{given[0] + 1}", given[1])

    async def hold(self, _: None) -> None:
        await commands.hold(self.world, "ops@example.com")

    async def fault(self, line: str) -> None:
        self.world.fail_next(line)

    async def no_faults(self, _: None) -> None:
        await commands.clear_faults(self.world)

    async def script(self, text: str) -> None:
        self.world.inbox().script(text)

    deeds: ClassVar[dict[str, Callable[["Liver", Any], Coroutine[Any, Any, None]]]] = {
        "pictory": pictory,
        "pixverse": pixverse,
        "poll": poll,
        "list": look,
        "download": download,
        "upload": upload,
        "webhook": webhook,
        "nowhere": nowhere,
        "advance": advance,
        "idle": idle,
        "finish": finish,
        "hold": hold,
        "fault": fault,
        "no faults": no_faults,
        "script": script,
    }

    async def aclose(self) -> None:
        """Gives up what is still under way."""
        for task in self.tasks:
            task.cancel()
        ends = await asyncio.gather(*self.tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end
