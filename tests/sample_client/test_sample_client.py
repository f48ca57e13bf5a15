"""What a suite looks like that judges a program by what the mock providers saw of it."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from mockserver import World
from tests.sample_client.client import Client, FailedError, Habits, RefusedError
from tests.sample_client.stage import Play, one_film, played


async def three_films(client: Client) -> None:
    films = [client.film(f"A lighthouse, take {take}", seed=take) for take in (1, 2, 3)]
    await asyncio.gather(*films)


async def twice(client: Client) -> None:
    for take in (1, 2):
        with suppress(RefusedError, FailedError):
            await client.film(f"A lighthouse, take {take}")
        await asyncio.sleep(1)


MISTAKES: Sequence[tuple[str, Habits, Play, str, dict[str, Any]]] = [
    (
        "polls every second",
        Habits(poll_seconds=1),
        one_film,
        r"polled-too-fast: job1 was looked at again too soon, 49 times: after 1 s at #\d+",
        {},
    ),
    (
        "does not wait after a 429",
        Habits(waits_when_busy=False),
        one_film,
        r"ignored-wait: #1 at 0 s asked to come back after 30 s, yet #2, #3 came before",
        {"faults": ["submit#1-2:status=429 retry-after=30"]},
    ),
    (
        "takes no refusal for an answer",
        Habits(takes_no_for_an_answer=False),
        one_film,
        r"retried-the-unretryable: #1 was refused with 402, and #2 sent the same again",
        {"faults": ["submit#1:status=402"]},
    ),
    (
        "sends again after a broken connection",
        Habits(searches_when_in_doubt=False),
        one_film,
        r"#1 was unknown \(its connection .*; job1 had come of it\), and #3 sent it again",
        {"faults": ["submit#1:accept-then-reset"]},
    ),
    (
        "sends again after a time-out",
        Habits(searches_when_in_doubt=False),
        one_film,
        r"resubmitted-after-unknown: what became of #1 was unknown \(it had not been answered yet",
        {"faults": ["submit#1:late=60s"]},
    ),
    (
        "sends again after a 502",
        Habits(searches_when_in_doubt=False),
        one_film,
        r"resubmitted-after-unknown: what became of #1 was unknown \(it was answered 502; job1",
        {"faults": ["submit#1:accept-then-status=502"]},
    ),
    (
        "goes on looking after the end",
        Habits(looks_after_the_end=2),
        one_film,
        r"polled-a-dead-job: job1 was looked at 2 times more after #\d+ had told",
        {},
    ),
    (
        "gives up after one failed look",
        Habits(survives_failed_looks=False),
        one_film,
        r"gave-up-on-a-live-job: job1 completed at 50 s, .* the last look was #4",
        {"faults": ["poll#1:reset"]},
    ),
    (
        "does not count its jobs",
        Habits(counts_its_jobs=False),
        three_films,
        r"exceeded-max-jobs: #\d+.* went to ops@example.com while the client's own jobs",
        {"provider": "pixverse", "max_jobs": 2},
    ),
    (
        "uses an account that is on hold",
        Habits(),
        twice,
        r"used-a-held-account: #1 told that ops@example.com is on hold, and #\d+ went there",
        {"provider": "pixverse", "faults": ["submit#1:status=596"]},
    ),
    (
        "follows the link of any callback",
        Habits(believes_callbacks=True),
        one_film,
        r"trusted-a-forged-callback: #\d+ fetched the link of the forged callback #\d+",
        {"hooked": True, "provider": "pixverse", "faults": ["callback#1:forge"]},
    ),
    (
        "takes any callback for the truth",
        Habits(believes_callbacks=True, fetches_films=False),
        one_film,
        r"trusted-a-forged-callback: #\d+ was forged: .* provider, who knows it as failed",
        {"hooked": True, "provider": "pixverse", "faults": ["callback#1:forge"], "fate": "failed"},
    ),
]


def judged(habits: Habits, play: Play, fate: str = "", **more: Any) -> World:
    async def prepared(client: Client) -> None:
        if fate:
            with suppress(FailedError):
                await client.film(f"A lighthouse [[mock fail={fate}]]")
        else:
            with suppress(FailedError):
                await play(client)

    return played(prepared, habits, **more)


@pytest.mark.parametrize(
    ("habits", "play", "message", "more"),
    [row[1:] for row in MISTAKES],
    ids=[row[0] for row in MISTAKES],
)
def test_a_client_that(habits: Habits, play: Play, message: str, more: dict[str, Any]) -> None:
    world = judged(habits, play, **more)
    with pytest.raises(AssertionError) as failed:
        world.assert_good_client()
    assert re.search(message, str(failed.value)), str(failed.value)


@pytest.mark.parametrize(
    ("play", "more"),
    [(row[2], row[4]) for row in MISTAKES if "uses an account" not in row[0]],
    ids=[row[0] for row in MISTAKES if "uses an account" not in row[0]],
)
def test_a_careful_client_passes_where_the_other_one(play: Play, more: dict[str, Any]) -> None:
    world = judged(Habits(), play, **more)
    world.assert_good_client(warnings_are_errors=True)
    world.assert_no_double_charge()


@pytest.mark.parametrize(
    ("habits", "message", "more"),
    [
        (
            Habits(fetches_at_each_callback=True),
            r"processed-a-duplicate-twice: #\d+ repeated the callback #\d+, and the film of job1",
            {"faults": ["callback:duplicate=2"]},
        ),
        (
            Habits(callback_status=500),
            r"answered-a-callback-badly: the callback #\d+ was answered 500",
            {},
        ),
        (
            Habits(callback_seconds=3),
            r"answered-a-callback-badly: the callback #\d+ was answered after 3 s",
            {},
        ),
        (
            Habits(callback_seconds=60),
            r"answered-a-callback-badly: the callback #\d+ could not be delivered: TimeoutError",
            {},
        ),
        (Habits(fetches_films=False), r"never-fetched: job1 completed, but its film was never", {}),
    ],
    ids=[
        "fetches a film each time it is told of it",
        "refuses callbacks",
        "answers callbacks slowly",
        "never answers callbacks",
        "leaves its films where they are",
    ],
)
def test_a_client_is_warned_that(habits: Habits, message: str, more: dict[str, Any]) -> None:
    world = judged(habits, one_film, hooked=True, **more)
    world.assert_good_client()
    with pytest.raises(AssertionError, match=message):
        world.assert_good_client(warnings_are_errors=True)


def test_an_hour_of_trouble_costs_one_film_each() -> None:
    chaos = ("poll:reset=20%", "poll:garble=10%", "download:cut=30%", "callback:drop=30%")
    faults = ("submit#1:accept-then-timeout", "submit#2:accept-then-cut", "submit#4:status=503")
    world = played(
        three_films, provider="pixverse", faults=faults, chaos=chaos, hooked=True, seconds=3600
    )
    world.assert_spent(exactly=3 * 45)
    world.assert_no_double_charge()
    world.assert_good_client(warnings_are_errors=True)


def test_the_naive_client_pays_twice_for_what_the_careful_one_pays_once() -> None:
    careless = Habits(searches_when_in_doubt=False)
    lost = ["submit#1:accept-then-cut"]
    assert played(faults=lost).ledger.total == {"pictory": 80}
    naive = played(habits=careless, faults=lost)
    assert naive.ledger.total == {"pictory": 160}
    with pytest.raises(AssertionError, match="charged twice for one wish: 'A lighthouse at dusk'"):
        naive.assert_no_double_charge()
