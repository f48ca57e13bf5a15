"""Callers that go on ordering while gateways die under them, and what must hold afterwards."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Self

import httpx

from tests.end_to_end.processes import Gateway, World, until

THREADS: Final = 16
OPEN: Final = "queued,in_progress"


class Load:
    """So many orders a second, each with a key of its own, and each until it is answered.

    Args:
        gateways: Where they go, in turn; another one when one does not answer.
        count: How many there are.
        rate: Orders a second; None for as many as can be had.
        body: What the nth order asks for.
    """

    def __init__(
        self,
        gateways: Sequence[Gateway],
        count: int,
        rate: float | None,
        body: Callable[[int], dict[str, Any]],
    ) -> None:
        self._gateways, self._count, self._rate, self._body = gateways, count, rate, body
        self.ids: dict[int, str] = {}
        """What each order was answered with."""
        self.statuses: Counter[int] = Counter()
        self.refusals: list[httpx.Headers] = []
        self._next = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(THREADS)]

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def join(self) -> None:
        """Wait until all are answered."""
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while not self._over.is_set():
            with self._lock:
                n, self._next = self._next, self._next + 1
            if n >= self._count:
                return
            if self._rate is not None:
                self._over.wait(max(0.0, self._began + n / self._rate - time.monotonic()))
            self._order(n)

    def _order(self, n: int) -> None:
        turn = n
        while not self._over.is_set():
            gateway = self._gateways[turn % len(self._gateways)]
            turn += 1
            try:
                answer = gateway.ask(
                    "POST",
                    "/v1/videos",
                    json=self._body(n),
                    headers={"idempotency-key": f"order-{n}"},
                )
            except httpx.TransportError:
                self._over.wait(0.05)
                continue
            self.statuses[answer.status_code] += 1
            if answer.status_code == httpx.codes.ACCEPTED:
                self.ids[n] = answer.json()["id"]
                return
            self.refusals.append(answer.headers)
            self._over.wait(0.2)


class Books(NamedTuple):
    """What became of all jobs of a gateway.

    Attributes:
        videos: What the gateway tells of each.
        charges: How often each job at the provider was charged.
        orders: How often each prompt was ordered there, and so paid for.
    """

    videos: dict[str, dict[str, Any]]
    charges: dict[str, int]
    orders: Counter[str]

    @property
    def phases(self) -> Counter[str]:
        """How many jobs are in each phase."""
        return Counter(video["phase"] for video in self.videos.values())


def all_ended(gateway: Gateway, seconds: float) -> None:
    """Wait until no job is under way any more."""

    def under_way() -> list[tuple[str, str]]:
        page = gateway.ask("GET", "/v1/videos", params={"status": OPEN, "limit": "100"})
        return [
            (one["id"], one["phase"])
            for one in page.raise_for_status().json()["data"]
            if one["phase"] != "needs_attention"
        ]

    until(under_way, lambda some: not some, seconds, pause=1.0)


def books(gateway: Gateway, world: World) -> Books:
    """All jobs, as the gateway tells of them, and all charges, as the mock does."""
    videos: dict[str, dict[str, Any]] = {}
    after: dict[str, str] = {}
    while True:
        page = gateway.ask("GET", "/v1/videos", params={"limit": "100", **after})
        told = page.raise_for_status().json()
        videos |= {one["id"]: one for one in told["data"]}
        if not told["has_more"]:
            orders = Counter(job["prompt"] for job in world.ask("jobs")["jobs"])
            return Books(videos, world.charges(), orders)
        after = {"after": told["last_id"]}


def balance(found: Books, ids: Sequence[str]) -> None:
    """Every accepted job is there and has ended, each was paid for once, and nothing else was.

    No two orders have the same prompt.

    Raises:
        AssertionError: Not so.
    """
    assert sorted(found.videos) == sorted(ids)
    ended = found.phases
    why = Counter(str(video["error"]) for video in found.videos.values() if video["error"])
    assert set(ended) <= {"completed", "needs_attention"}, why
    assert ended["completed"] >= 0.95 * len(ids), why
    assert set(found.charges.values()) == {1}
    assert set(found.orders.values()) == {1}
    paid = {video["upstream_id"] for video in found.videos.values()} - {None}
    unknown = set(found.charges) - paid
    # What was paid for is a job's, or may be one's that people have to look at.
    assert len(unknown) <= ended["needs_attention"], unknown
