"""Killing a gateway at each of its crash points: what is done to get there, and what must hold."""

import signal
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import httpx

from gateway.engine.crash import POINTS
from tests.end_to_end.processes import Gateway, World, until

KEY: Final = "the-one-key"
READY: Final = 5.0
"""Seconds from a start to the readiness that is promised."""
QUICK: Final[Mapping[str, Mapping[str, object]]] = {
    "watch": {
        "poll_seconds": 0.2,
        "settle_seconds": 1.5,
        "lease_seconds": 1,
        "deadline_seconds": 30,
    }
}
"""Settings with which what takes minutes takes a second."""
ENDED: Final = ("completed", "failed", "needs_attention")


class Story(NamedTuple):
    """How a gateway gets to a crash point.

    Attributes:
        drive: What its caller does.
        faults: What goes wrong at the provider.
        ends: The phase, and the error, with which its job must end.
        run_seconds: How long the provider is at it.
    """

    drive: "Callable[[Caller], None]"
    faults: tuple[str, ...] = ()
    ends: tuple[str, str | None] = ("completed", None)
    run_seconds: float = 0.4


class Caller:
    """Somebody who wants one video, and asks again when nobody answers."""

    def __init__(self, gateway: Gateway, world: World, body: Mapping[str, Any]) -> None:
        self.gateway, self.world = gateway, world
        self.body = {**body, "callback_url": world.inbox}
        self.video_id: str | None = None

    def order(self) -> httpx.Response | None:
        """Ask for the video; None where no answer came."""
        try:
            answer = self.gateway.ask(
                "POST", "/v1/videos", json=self.body, headers={"idempotency-key": KEY}
            )
        except httpx.TransportError:
            return None
        told = answer.raise_for_status().json()["id"]
        assert self.video_id in {None, told}
        self.video_id = told
        return answer

    def cancel(self) -> None:
        """Ask for its end, once it is being made."""
        assert self.video_id is not None
        self.gateway.reaches(self.video_id, "rendering", "canceling", *ENDED)
        try:
            self.gateway.ask("POST", f"/v1/videos/{self.video_id}/cancel").raise_for_status()
        except httpx.TransportError:
            return

    def told(self) -> list[str]:
        """The ids of the notices, once there is one."""
        return until(self.world.notices, bool)


def _ordered(caller: Caller) -> None:
    caller.order()


def _canceled(caller: Caller) -> None:
    caller.order()
    caller.cancel()


LOST: Final = Story(_ordered, faults=("submit#1:accept-then-reset",))
STORIES: Final[Mapping[str, Story]] = MappingProxyType(
    dict.fromkeys(POINTS, Story(_ordered))
    | {
        "search-read": LOST,
        "adoption-stored": LOST,
        "cancel-stored": Story(_canceled, ends=("failed", "canceled"), run_seconds=1.5),
    }
)
"""What leads to each point; `prune-stored` is a story of its own."""


def survive(gateway: Gateway, world: World, body: Mapping[str, Any], point: str) -> None:
    """Kill a gateway at a point, start it again, and see its job to its end.

    Raises:
        AssertionError: It never got there, or what is promised does not hold.
    """
    story = STORIES[point]
    caller = Caller(gateway, world, body)
    gateway.start(FILMGATE_CRASH=point)
    story.drive(caller)
    dies(gateway, point)

    restart(gateway)
    known = caller.video_id
    again = caller.order()
    assert again is not None
    assert caller.video_id is not None
    if known is not None or point != "accept-storing":
        assert again.headers["idempotency-replayed"] == "true"
    if story.ends[1] == "canceled":
        caller.cancel()
    video = gateway.reaches(caller.video_id, *ENDED)

    error = video["error"] and video["error"]["code"]
    assert (video["phase"], error) == story.ends, video
    listed = gateway.ask("GET", "/v1/videos").json()["data"]
    assert [one["id"] for one in listed] == [caller.video_id]
    assert list(world.charges().values()) == [1]
    assert len(set(caller.told())) == 1


def dies(gateway: Gateway, point: str) -> None:
    """Wait until it has killed itself at its crash point."""
    try:
        status = gateway.ended(20)
    except TimeoutError:
        raise AssertionError(f"it never got to {point}: {gateway.log.read_text()}") from None
    assert status == -signal.SIGKILL, gateway.log.read_text()[-4000:]


def restart(gateway: Gateway) -> float:
    """Start it again, and wait until it is ready; the seconds that took."""
    began = time.monotonic()
    gateway.start()
    until(gateway.is_ready, bool)
    return time.monotonic() - began


def survive_pruning(gateway: Gateway, world: World, body: Mapping[str, Any]) -> None:
    """Kill a gateway while it removes an old video, and see that nothing of it is left.

    Raises:
        AssertionError: It never got there, or what is promised does not hold.
    """
    caller = Caller(gateway, world, body)
    gateway.start()
    caller.order()
    assert caller.video_id is not None
    gateway.reaches(caller.video_id, "completed")
    caller.told()
    gateway.end(signal.SIGKILL)
    gateway.configure(retention={"days": 1e-6})

    gateway.begin(FILMGATE_CRASH="prune-stored")
    dies(gateway, "prune-stored")
    restart(gateway)

    assert gateway.ask("GET", f"/v1/videos/{caller.video_id}").status_code == httpx.codes.NOT_FOUND
    # In a folder that replicas share, its bytes go once nobody can be about to need them.
    until(gateway.films, lambda films: films <= gateway.doomed())
    assert list(world.charges().values()) == [1]
    assert len(set(caller.told())) == 1
