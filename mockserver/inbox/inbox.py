"""An inbox as a test holds it, and what a world keeps of its inboxes."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mockserver.engine.chance import draw
from mockserver.engine.journal import Received
from mockserver.inbox import checks
from mockserver.inbox.checks import Key, video_of
from mockserver.inbox.script import Script, parse
from mockserver.naming import is_name

if TYPE_CHECKING:
    from mockserver.world import World

MAIN = "main"
BASE_PATH = "/inbox"
TOLERANCE_SECONDS = 300.0
"""How far a time stamp may be from the moment of arrival; Standard Webhooks' libraries say so."""


class Inboxes:
    """The scripts of one world's inboxes; what came in stands in its journal."""

    def __init__(self, scripts: Mapping[str, Script] | None = None) -> None:
        self._scripts: dict[str, Script] = dict(scripts or {})

    def __getitem__(self, name: str) -> Script:
        return self._scripts.get(name, Script())

    def __setitem__(self, name: str, script: Script) -> None:
        self._scripts[name] = script

    def fork(self) -> "Inboxes":
        """The same scripts, to be gone through separately."""
        return Inboxes(self._scripts)


class Inbox:
    """A receiver of webhooks in a world.

    It holds nothing itself: after a `reset` of the world it is empty and answers 200 again.

    Args:
        world: where its journal and its script are.
        name: letters, digits, dots and underscores.

    Raises:
        ValueError: nothing can be called that.
    """

    def __init__(self, world: "World", name: str = MAIN) -> None:
        if not is_name(name):
            raise ValueError(f"{name!r} is no name of an inbox: letters, digits, `.` and `_` only")
        self._world = world
        self.name = name

    def url(self, origin: str) -> str:
        """Where to post to.

        Args:
            origin: where the mock is, such as `http://127.0.0.1:8090`.
        """
        return f"{origin.rstrip('/')}{self._world.prefix}{BASE_PATH}/{self.name}"

    @property
    def secret(self) -> str:
        """What to sign with, as Standard Webhooks writes it; made from the world's seed."""
        seed = self._world.settings.seed
        parts = (draw(seed, "inbox", self.name, part).to_bytes(16) for part in range(2))
        return f"whsec_{base64.b64encode(b''.join(parts)).decode()}"

    def script(self, text: str) -> None:
        """Answers from now on as a text says, such as `500*3, 200`; see `inbox.script`.

        Raises:
            ScriptError: it is no script; then nothing is changed.
        """
        self._world.inboxes[self.name] = parse(text)
        self._world.engine.note("inbox", inbox=self.name, script=text)

    @property
    def received(self) -> tuple[Received, ...]:
        """What has come in, each try by itself; `.event` of one is its JSON."""
        mine = self._world.journal.of(Received)
        return tuple(one for one in mine if one.inbox == self.name)

    def pauses(self) -> Mapping[str, tuple[float, ...]]:
        """Virtual seconds between the tries of each webhook, by `webhook-id`."""
        return {
            name: tuple(round(later.at - earlier.at, 3) for earlier, later in pairwise(tries))
            for name, tries in checks.by_id(self.received).items()
        }

    # --- judging the sender

    def verify(
        self, received: Received, *, tolerance_seconds: float | None = TOLERANCE_SECONDS
    ) -> Any:
        """The event, once its signature has been found to be good.

        The signature is made anew by the `standardwebhooks` library. The time stamp is held
        against the world's clock at the moment of arrival, not against the wall's: where sender
        and world do not share a calendar (`Settings.epoch`), give None.

        Raises:
            AssertionError: it is not signed, or not with this inbox's secret, or at another time.
        """
        came = self._world.clock.utc(received.at)
        fault = checks.signature_fault(received, self.secret, came, tolerance_seconds)
        self._fail([] if fault is None else [fault])
        return received.event

    def assert_verified(self, *, tolerance_seconds: float | None = TOLERANCE_SECONDS) -> None:
        """Every try is signed with this inbox's secret; see `verify`.

        Raises:
            AssertionError: one is not, or nothing has come in.
        """
        for one in self._all():
            self.verify(one, tolerance_seconds=tolerance_seconds)

    def assert_in_order(self, key: Key = video_of) -> None:
        """Time stamps and sequence numbers never go back for a video; see `checks.disorders`.

        Args:
            key: what an event is about, from its JSON.

        Raises:
            AssertionError: they do, or nothing has come in.
        """
        self._fail(checks.disorders(self._all(), key))

    def assert_no_gaps(self, expected: Iterable[tuple[str, object]], key: Key = video_of) -> None:
        """Every expected event was taken, and each `webhook-id` has one and the same body.

        An event counts as taken when it was answered with 2xx, by whichever of its tries.

        Args:
            expected: types and video ids, such as `("video.completed", "video_1")`.
            key: what an event is about, from its JSON.

        Raises:
            AssertionError: an event is missing, or a webhook changed.
        """
        self._fail(checks.gaps(self.received, expected, key))

    def assert_once(self) -> None:
        """Every webhook was taken once: tried until it was answered with 2xx, and not after that.

        Raises:
            AssertionError: one was not, or nothing has come in.
        """
        self._fail(checks.repeats(self._all()))

    def _all(self) -> Iterator[Received]:
        received = self.received
        if not received:
            raise AssertionError(f"inbox {self.name}: nothing has come in")
        return iter(received)

    def _fail(self, faults: Iterable[str]) -> None:
        found = list(faults)
        if found:
            raise AssertionError("\n".join(f"inbox {self.name}: {fault}" for fault in found))
