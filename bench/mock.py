"""What the mock costs: every figure of docs/performance.md about it.

    python bench/mock.py            # prints the table
    python bench/mock.py --write    # and puts it into docs/performance.md
    python bench/mock.py --only served,start

Each figure has a goal; the exit status says whether all were met. Figures depend on the machine and
on what else it does; ratios and CPU times are the ones to trust.
"""

import argparse
import asyncio
import gc
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import httpx  # noqa: E402
from figures import Figure, show, write  # noqa: E402

from mockserver import Settings, World  # noqa: E402

SUBMIT = "/pictoryapis/v1/aistudio/videos"
KEY = {"Authorization": "pictai_mock"}
FROZEN = Settings(clock="frozen")


def client(world: World) -> httpx.AsyncClient:
    """A client whose other end is the world, in this process."""
    transport = httpx.ASGITransport(app=world.app)
    return httpx.AsyncClient(transport=transport, base_url="http://mock.test")


async def per_call(send: Callable[[int], Any], calls: int = 1000, rounds: int = 5) -> float:
    """Milliseconds of CPU a call, the median of several rounds."""
    figures = []
    for _ in range(rounds):
        gc.collect()
        begin = time.process_time()
        for n in range(calls):
            await send(n)
        figures.append((time.process_time() - begin) / calls * 1e3)
    return statistics.median(figures)


def in_process() -> Iterator[Figure]:
    """A submit through ASGI, beside the same one to a static respx route."""
    import respx  # noqa: PLC0415

    counter = iter(range(10**9))

    async def ours() -> float:
        world = World(settings=FROZEN)
        async with world, client(world) as http:

            async def send(_: int) -> None:
                body = {"prompt": f"A drone over a forest {next(counter)}"}
                await http.post(SUBMIT, json=body, headers=KEY)

            return await per_call(send)

    async def theirs() -> float:
        with respx.mock(base_url="http://mock.test") as router:
            router.post(SUBMIT).respond(json={"success": True, "data": {"jobId": "x"}})
            async with httpx.AsyncClient(base_url="http://mock.test") as http:

                async def send(n: int) -> None:
                    body = {"prompt": f"A drone over a forest {n}"}
                    await http.post(SUBMIT, json=body, headers=KEY)

                return await per_call(send)

    pairs = [(asyncio.run(ours()), asyncio.run(theirs())) for _ in range(3)]
    mine = statistics.median(pair[0] for pair in pairs)
    ratio = statistics.median(pair[0] / pair[1] for pair in pairs)
    yield Figure("submit in process, CPU", f"{mine:.2f} ms", "≤ 0.45 ms", mine <= 0.45)
    yield Figure(
        "the same against a static respx route", f"{ratio:.2f} times", "≤ 1.3 times", ratio <= 1.3
    )


STUB = """
import socket, sys, uvicorn
from litestar import Litestar, post
@post("/pictoryapis/v1/aistudio/videos", status_code=200)
async def submit(data: dict) -> dict:
    return {"success": True, "data": {"jobId": "x"}}
listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
listening.bind(("127.0.0.1", 0))
listening.listen(512)
print("listening on http://%s:%s" % listening.getsockname(), flush=True)
uvicorn.Server(uvicorn.Config(Litestar([submit], openapi_config=None), log_level="error",
                              http="h11", access_log=False)).run(sockets=[listening])
"""


@contextmanager
def process(*command: str) -> Iterator[tuple[str, float]]:
    """A server in a process of its own: its URL, and how long it took to say it."""
    begin = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - our own programs
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as started:
        try:
            assert started.stdout is not None
            url = started.stdout.readline().split()[-1]
            yield url, time.perf_counter() - begin
        finally:
            started.terminate()


async def load(url: str, connections: int, seconds: float) -> float:
    """Submits a second over kept connections, written by hand: a client library would be slower."""
    host, port = url.removeprefix("http://").split(":")
    end = time.perf_counter() + seconds
    done = 0

    async def one(name: int) -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection(host, int(port))
        n = 0
        while time.perf_counter() < end:
            n += 1
            body = b'{"prompt": "A drone over a forest %d %d", "model": "pixverse5.5"}' % (name, n)
            writer.write(
                b"POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: pictai_mock\r\n"
                b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                % (SUBMIT.encode(), host.encode(), len(body), body)
            )
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head.split(b"\r\n", 1)[0], head
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            done += 1
        writer.close()

    await asyncio.gather(*(one(n) for n in range(connections)))
    return done / seconds


def served() -> Iterator[Figure]:
    """Submits a second with the journal on, beside a bare Litestar stub on the same server."""
    rates: dict[str, list[float]] = {"mock": [], "stub": []}
    with (
        process("-m", "mockserver", "--port", "0", "--clock", "frozen") as (mock, _),
        process("-c", STUB) as (stub, _),
    ):
        for url in (mock, stub):
            asyncio.run(load(url, 32, 1))
        for _ in range(5):
            rates["mock"].append(asyncio.run(load(mock, 32, 2)))
            rates["stub"].append(asyncio.run(load(stub, 32, 2)))
    ratio = statistics.median(a / b for a, b in zip(rates["mock"], rates["stub"], strict=True))
    rate = statistics.median(rates["mock"])
    yield Figure(
        "served, 32 connections, submits with journal", f"{rate:.0f}/s", "see next", met=True
    )
    yield Figure(
        "the same against a bare Litestar stub", f"{ratio:.2f} times", "≥ 1 times", ratio >= 1
    )


def start() -> Iterator[Figure]:
    """From nothing to the first answer."""
    times = []
    for _ in range(5):
        with process("-m", "mockserver", "--port", "0") as (url, _):
            pass
        begin = time.perf_counter()
        with process("-m", "mockserver", "--port", "0") as (url, _):
            httpx.get(f"{url}/__mock/jobs", trust_env=False).raise_for_status()
            times.append(time.perf_counter() - begin)
    process_seconds = statistics.median(times)
    worlds = []
    for _ in range(50):
        begin = time.perf_counter()
        world = World(settings=FROZEN)
        with client_sync(world):
            worlds.append(time.perf_counter() - begin)
    fixture = statistics.median(worlds) * 1e3
    yield Figure(
        "start of a server process", f"{process_seconds:.2f} s", "≤ 0.7 s", process_seconds <= 0.7
    )
    yield Figure("start of a world with its client", f"{fixture:.1f} ms", "≤ 20 ms", fixture <= 20)


@contextmanager
def client_sync(world: World) -> Iterator[None]:
    """Makes what a fixture makes."""
    http = client(world)
    yield
    asyncio.run(http.aclose())


def polling() -> Iterator[Figure]:
    """A 90 s job and a client that sleeps 15 s between its looks, in virtual time."""
    from mockserver.testing.loop import run  # noqa: PLC0415

    async def whole() -> float:
        world = World(settings=Settings(clock="real", queue_seconds=10, run_seconds=80))
        async with world, client(world) as http:
            begin = time.perf_counter()
            answer = await http.post(SUBMIT, json={"prompt": "A drone"}, headers=KEY)
            path = f"/pictoryapis/v1/jobs/{answer.json()['data']['jobId']}"
            while True:
                await asyncio.sleep(15)
                status = (await http.get(path, headers=KEY)).json()["data"]["status"]
                if status == "completed":
                    return (time.perf_counter() - begin) * 1e3

    figure = statistics.median(run(whole()) for _ in range(5))
    yield Figure("a 90 s job, unchanged 15 s polling", f"{figure:.0f} ms", "≤ 50 ms", figure <= 50)


def many() -> Iterator[Figure]:
    """10,000 jobs through the wire and to their end, on four accounts' worth of slots."""
    command = [sys.executable, __file__, "--ten-thousand"]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603
    engine, wire, megabytes = map(float, said.stdout.split())
    yield Figure(
        "10,000 jobs in virtual time, with journal", f"{engine:.2f} s", "≤ 2 s", engine <= 2
    )
    yield Figure(
        "the same, each submitted through ASGI and httpx",
        f"{wire:.1f} s",
        "for orientation",
        met=True,
    )
    yield Figure(
        "memory of the process by then", f"{megabytes:.0f} MB", "≤ 300 MB", megabytes <= 300
    )


async def ten_thousand() -> None:
    """Prints seconds without and with the client's part, and the peak of memory in MB."""
    from mockserver.wire.http import Request  # noqa: PLC0415

    world = World(settings=FROZEN)
    begin = time.perf_counter()
    headers = {"authorization": "pictai_mock", "content-type": "application/json"}
    for n in range(10_000):
        body = b'{"prompt": "A drone over a forest %d"}' % n
        request = Request(
            method="POST", path=SUBMIT, query={}, headers=headers, body=body, origin="http://m.test"
        )
        answer = await world.answer(request)
        assert answer.status == 200
        if n % 12 == 11:
            await world.advance(65)
    await world.run_until_idle()
    engine = time.perf_counter() - begin
    assert all(job.phase == "completed" for job in world.jobs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    other = World(settings=FROZEN)
    begin = time.perf_counter()
    async with other, client(other) as http:
        for n in range(10_000):
            await http.post(SUBMIT, json={"prompt": f"A drone over a forest {n}"}, headers=KEY)
        await other.run_until_idle()
    print(engine, time.perf_counter() - begin, peak)


def worlds() -> Iterator[Figure]:
    """Making, forking and throwing away."""

    async def whole() -> tuple[float, float, float]:
        world = World(settings=FROZEN)
        async with world, client(world) as http:
            for n in range(1000):
                await http.post(SUBMIT, json={"prompt": f"A drone {n}"}, headers=KEY)
            gc.collect()
            begin = time.perf_counter()
            for n in range(1000):
                World(f"w{n}", FROZEN, outside=world.outside, media=world.media)
            new = (time.perf_counter() - begin) * 1e3
            begin = time.perf_counter()
            for n in range(50):
                world.fork(f"f{n}")
            fork = (time.perf_counter() - begin) / 50 * 1e3
            begin = time.perf_counter()
            await world.reset()
            return new, fork, (time.perf_counter() - begin) * 1e6

    figures = [asyncio.run(whole()) for _ in range(5)]
    new, fork, reset = (statistics.median(column) for column in zip(*figures, strict=True))
    yield Figure("a new world", f"{new:.0f} µs", "≤ 50 µs", new <= 50)
    yield Figure("a fork of a world with 1,000 jobs", f"{fork:.2f} ms", "≤ 1 ms", fork <= 1)
    yield Figure("a reset of that world", f"{reset:.0f} µs", "≤ 100 µs", reset <= 100)


def media() -> Iterator[Figure]:
    """What a clip costs at its first download, off the event loop."""
    from mockserver.media import render  # noqa: PLC0415
    from mockserver.media.clip import Clip, Source  # noqa: PLC0415

    def cost(clip: Clip) -> tuple[float, int]:
        data = render.film(clip)
        times = []
        for _ in range(7):
            begin = time.process_time()
            data = render.film(clip)
            times.append((time.process_time() - begin) * 1e3)
        return statistics.median(times), len(data)

    shape: dict[str, Any] = {"width": 1280, "height": 720, "seconds": 5, "job": "j"}
    spent, size = cost(Clip(**shape, caption="A drone over a forest at dawn"))
    yield Figure("a 5 s clip at 720p, no extras, CPU", f"{spent:.0f} ms", "≤ 20 ms", spent <= 20)
    yield Figure("its size", f"{size / 1000:.0f} kB", "≤ 200 kB", size <= 200_000)
    try:
        from PIL import Image  # noqa: PLC0415
    except ImportError:
        return
    with tempfile.TemporaryDirectory() as folder:
        sources = []
        for role, colour in (("first", "navy"), ("last", "orange")):
            path = Path(folder) / f"{role}.png"
            Image.linear_gradient("L").resize((1280, 720)).convert("RGB").save(path)
            Image.new("RGB", (1280, 720), colour).save(path)
            sources.append(Source(role=role, data=path.read_bytes()))  # type: ignore[arg-type]
        spent, _ = cost(Clip(**shape, caption="fade", sources=tuple(sources)))
    yield Figure(
        "the same from a first to a last picture (extra), CPU",
        f"{spent:.0f} ms",
        "≤ 150 ms",
        spent <= 150,
    )


def callbacks() -> Iterator[Figure]:
    """One move of time over the ends of 100 jobs, each with a callback to answer."""
    heard: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        heard.append(str(request.url))
        return httpx.Response(200)

    async def whole() -> float:
        heard.clear()
        transport = httpx.MockTransport(answer)
        world = World(settings=FROZEN, callback_transport=transport)
        async with world, client(world) as http:
            for n in range(100):
                body = {"prompt": f"A drone {n}", "webhook": f"http://127.0.0.1:9/{n}"}
                await http.post(SUBMIT, json=body, headers=KEY)
            begin = time.perf_counter()
            await world.advance(60)
            return (time.perf_counter() - begin) * 1e3

    runs = [(asyncio.run(whole()), tuple(heard)) for _ in range(3)]
    same = len({order for _, order in runs}) == 1 and len(heard) == 100
    spent = statistics.median(run[0] for run in runs)
    yield Figure(
        "a move of time over 100 callbacks",
        f"{spent:.0f} ms, all answered, order the same" if same else "order differs",
        "all answered, order the same",
        same,
    )


PARTS: dict[str, Callable[[], Iterator[Figure]]] = {
    "in_process": in_process,
    "served": served,
    "start": start,
    "polling": polling,
    "many": many,
    "worlds": worlds,
    "media": media,
    "callbacks": callbacks,
}


def main() -> int:
    """Measures, prints, and writes where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help=f"comma-separated: {', '.join(PARTS)}")
    parser.add_argument("--ten-thousand", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    options = parser.parse_args()
    if options.ten_thousand:
        asyncio.run(ten_thousand())
        return 0
    wanted = options.only.split(",") if options.only else list(PARTS)
    figures = []
    for name in wanted:
        for figure in PARTS[name]():
            show(figure)
            figures.append(figure)
    if options.write:
        write("bench/mock.py", figures)
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
