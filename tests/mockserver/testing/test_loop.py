import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from mockserver.testing.loop import (
    LIMIT_SECONDS,
    VirtualTimeLimitError,
    VirtualTimeLoop,
    loop_factory,
    run,
)


def now() -> float:
    return asyncio.get_running_loop().time()


def test_an_hour_of_sleep_costs_no_real_time() -> None:
    async def main() -> float:
        await asyncio.sleep(3600)
        return now()

    began = time.perf_counter()
    assert run(main()) == 3600.0
    assert time.perf_counter() - began < 5


def test_time_starts_where_it_is_told_to() -> None:
    async def main() -> tuple[float, float]:
        before = now()
        await asyncio.sleep(2.5)
        return before, now()

    assert run(main(), start=1000.0) == (1000.0, 1002.5)


def test_time_stands_still_while_there_is_something_to_do() -> None:
    async def main() -> float:
        for _ in range(100):
            await asyncio.sleep(0)
        return now()

    assert run(main()) == 0.0


@pytest.mark.parametrize("seconds", [0.1, 1 / 3, 1e-9, 1e-7, 15.000001, 86_399.9])
def test_a_sleeper_wakes_at_the_very_number_that_its_peer_computes(seconds: float) -> None:
    async def main() -> list[tuple[float, float]]:
        pairs = []
        for _ in range(20):
            await asyncio.sleep(0.1)
            due = now() + seconds
            # In a loop's eyes two timers less than a nanosecond apart are due together.
            await asyncio.sleep(seconds)
            pairs.append((now(), due))
        return pairs

    pairs = run(main(), limit=1e8)
    assert [woke for woke, _ in pairs] == [due for _, due in pairs]


@pytest.mark.parametrize("step", [0.1, 0.7, 1e-12, 1e-7, 3.3333333])
def test_a_client_that_waits_for_a_deadline_gets_past_it(step: float) -> None:
    async def main() -> int:
        await asyncio.sleep(0.3)
        deadline = now() + step + 0.1 + 0.1 + 0.1
        turns = 0
        while (left := deadline - now()) > 0:
            await asyncio.sleep(left / 2 if turns < 3 else left)
            turns += 1
        return turns

    assert run(main()) < 10


def test_a_sleep_of_more_than_a_day_is_one_jump() -> None:
    async def main() -> float:
        await asyncio.sleep(7 * 86_400)
        return now()

    assert run(main(), limit=8 * 86_400) == 604_800.0


def test_time_outs_are_virtual() -> None:
    async def main() -> list[float]:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 90)
        first = now()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await asyncio.sleep(11)
        return [first, now()]

    assert run(main()) == [90.0, 100.0]


def test_a_cancelled_timer_does_not_move_time() -> None:
    async def main() -> float:
        asyncio.get_running_loop().call_later(5, lambda: None).cancel()
        await asyncio.sleep(30)
        return now()

    assert run(main()) == 30.0


def test_the_same_program_sees_the_same_times_in_the_same_order() -> None:
    def once() -> list[tuple[str, float]]:
        chance = random.Random(7)
        log: list[tuple[str, float]] = []

        async def worker(name: str) -> None:
            for _ in range(20):
                await asyncio.sleep(chance.choice([0.1, 0.25, 1, 15]))
                log.append((name, now()))

        async def main() -> None:
            await asyncio.gather(*(worker(f"w{n}") for n in range(10)))

        run(main())
        return log

    first = once()
    assert first == once()
    assert [at for _, at in first] == sorted(at for _, at in first)


def test_the_loop_is_closed_and_time_stays_readable() -> None:
    loop = VirtualTimeLoop(start=3)
    loop.run_until_complete(asyncio.sleep(4))
    loop.close()

    assert loop.is_closed()
    assert loop.time() == 7.0


def test_a_poll_that_never_ends_is_an_error_that_says_how_far_it_came() -> None:
    polls = 0

    async def poll_for_ever() -> None:
        nonlocal polls
        while True:
            try:
                polls += 1
                await asyncio.sleep(15)
            except Exception:  # noqa: BLE001, S110
                pass

    with pytest.raises(
        VirtualTimeLimitError,
        match=r"^3600 virtual seconds have passed .* limit of 3600: .* at test_loop\.py:\d+$",
    ):
        run(poll_for_ever(), limit=3600)
    assert polls == 241


def test_the_limit_is_a_day_unless_told_otherwise() -> None:
    assert LIMIT_SECONDS == 86_400
    run(asyncio.sleep(86_400))
    with pytest.raises(VirtualTimeLimitError):
        run(asyncio.sleep(86_401))


def test_the_limit_counts_from_the_start_of_the_run_not_from_zero() -> None:
    run(asyncio.sleep(60), start=1e6, limit=60)
    with asyncio.Runner(loop_factory=loop_factory(limit=60)) as runner:
        for _ in range(3):
            runner.run(asyncio.sleep(60))
        assert runner.get_loop().time() == 180.0


def test_tasks_are_still_cleaned_up_after_the_limit() -> None:
    log: list[str] = []

    async def main() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(30)
            log.append("cleaned up")

    async def tick() -> None:
        await asyncio.gather(main(), asyncio.sleep(3600))

    with pytest.raises(VirtualTimeLimitError):
        run(tick(), limit=100)
    assert log == ["cleaned up"]


Send = Callable[[dict[str, Any]], Awaitable[None]]


class Provider:
    """An in-process ASGI app whose jobs take 90 s by the loop's clock, `capacity` at a time."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.ends: list[float] = []
        self.refused = 0

    async def __call__(self, scope: dict[str, Any], _receive: object, send: Send) -> None:
        status, body = self.answer(scope["method"], scope["path"])
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    def answer(self, method: str, path: str) -> tuple[int, dict[str, Any]]:
        if method == "GET":
            return 200, {"done": now() >= self.ends[int(path[1:])]}
        if sum(now() < end for end in self.ends) >= self.capacity:
            self.refused += 1
            return 429, {}
        self.ends.append(now() + 90)
        return 202, {"id": len(self.ends) - 1}


async def make_a_film(http: httpx.AsyncClient) -> float:
    """A client as people write them: submit, then poll every 15 s."""
    while (reply := await http.post("/")).status_code == 429:  # noqa: ASYNC110
        await asyncio.sleep(15)
    while not (await http.get(f"/{reply.json()['id']}")).json()["done"]:  # noqa: ASYNC110
        await asyncio.sleep(15)
    return now()


async def make_films(provider: Provider, clients: int) -> list[float]:
    transport = httpx.ASGITransport(app=provider)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://mock.test") as http:
        return await asyncio.gather(*(make_a_film(http) for _ in range(clients)))


def test_three_clients_get_their_films_after_six_polls_each() -> None:
    assert run(make_films(Provider(capacity=3), 3)) == [90.0, 90.0, 90.0]


def test_thirty_clients_share_three_places_for_nine_hundred_seconds() -> None:
    provider = Provider(capacity=3)
    began = time.perf_counter()

    ended = run(make_films(provider, 30))

    assert sorted(ended) == [90.0 * (1 + n // 3) for n in range(30)]
    assert provider.refused == 810
    assert time.perf_counter() - began < 20
