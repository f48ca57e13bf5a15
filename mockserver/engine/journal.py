"""Everything that happened in a world, in one numbering, each line with its cause.

Nothing in it depends on the wall or on chance: the same requests at the same virtual times make
the same lines, whichever way they came in. Only links in bodies tell by which origin the mock was
reached, which `record.worldfile.journal_bytes` leaves out. Keys are not in it.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, TypeVar

import msgspec

Act = Literal["submit", "poll", "list", "upload", "download", "account", "other", "control"]
"""What a request is to the mock, whichever provider it goes to; `control` is never written down."""

Lost = Literal["", "reset", "cut", "hang"]
"""How a reply did not arrive whole: before its first byte, within it, or never."""

KEPT_HEADERS = frozenset(
    {"content-type", "user-agent", "range", "if-range", "if-none-match", "idempotency-key"}
)
"""Request headers that are kept; none of them holds a secret or a port."""


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line."""

    n: int
    at: float
    """Virtual seconds."""
    cause: int | None = None
    """The line that this one comes of; None for what comes from outside."""
    job: str | None = None
    """The provider's id of the job it is about."""


class Exchange(Event, frozen=True, kw_only=True):
    """A request that came in and how it was answered."""

    method: str
    path: str
    query: str = ""
    operation: str
    """The provider's operation; empty where no route fits."""
    act: Act = "other"
    provider: str = ""
    account: str = ""
    key: str = ""
    """A digest of what was asked for, the same for a repeat but for its count; of submits."""
    intent: str = ""
    """The same without the count."""
    headers: Mapping[str, str] = {}
    body: bytes = b""
    status: int
    replied_at: float = 0.0
    reply_headers: Mapping[str, str] = {}
    reply: bytes = b""
    """The reply's body; of media only what `reply_digest` says."""
    reply_digest: str = ""
    told: tuple[tuple[str, str], ...] = ()
    """Job ids and phases that the reply told of."""
    lost: Lost = ""
    faults: tuple[str, ...] = ()
    """The faults that struck, as lines to paste."""


class Transition(Event, frozen=True, kw_only=True):
    """A job went from one phase to the next."""

    before: str
    after: str
    why: str = ""


class Entry(Event, frozen=True, kw_only=True):
    """A charge or a refund, in whole units; a refund's amount is positive too."""

    kind: Literal["charge", "refund"]
    provider: str
    account: str
    amount: int
    unit: str

    @property
    def signed(self) -> int:
        """The amount as the balance feels it: refunds count against charges."""
        return self.amount if self.kind == "charge" else -self.amount


class Loaded(Event, frozen=True, kw_only=True):
    """An input given by URL was fetched, or could not be."""

    url: str
    digest: str = ""
    fault: str = ""


class Delivery(Event, frozen=True, kw_only=True):
    """A callback that went out, or did not, and what the receiver said."""

    url: str
    sent: object
    """The JSON body."""
    phase: str = ""
    """The phase that it told of."""
    how: str = ""
    """What was odd about it: `duplicate`, `late`, `forged`, and so on; empty means nothing."""
    status: int | None = None
    answer: str = ""
    """The start of the receiver's answer."""
    answered_at: float | None = None
    error: str | None = None
    faults: tuple[str, ...] = ()


class Received(Event, frozen=True, kw_only=True):
    """A webhook that came into one of the world's inboxes, and how it was answered."""

    inbox: str
    headers: Mapping[str, str]
    body: bytes
    status: int
    """0 where it was not answered."""
    lost: Lost = ""
    """How it was not."""
    slow: float = 0.0
    """Virtual seconds until it was."""

    @property
    def webhook_id(self) -> str:
        """The same for each try of one webhook; empty where it has none."""
        return self.headers.get("webhook-id", "")

    @property
    def event(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    @property
    def taken(self) -> bool:
        """Whether it was answered with 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP


class Moved(Event, frozen=True, kw_only=True):
    """Time was moved by hand."""

    seconds: float


class Command(Event, frozen=True, kw_only=True):
    """Something that a test or a person told the mock to do."""

    name: str
    given: Mapping[str, Any] = {}


E = TypeVar("E", bound=Event)


class Journal:
    """The lines of a world. A line that takes time has its number from its beginning on."""

    def __init__(self, lines: Iterable[Event | None] = ()) -> None:
        self._lines: list[Event | None] = list(lines)
        self.written: list[Event] = [line for line in self._lines if line is not None]
        """The lines in the order in which they were filled in."""
        self._watching: set[asyncio.Future[None]] = set()
        self._closed = False

    def next_number(self) -> int:
        """Reserves the number of the next line."""
        self._lines.append(None)
        return len(self._lines)

    def write(self, event: E) -> E:
        """Puts a line where its number says."""
        self._lines[event.n - 1] = event
        self.written.append(event)
        if self._watching:
            self._wake()
        return event

    async def grown(self, past: int) -> bool:
        """Waits until more than `past` lines are filled in; False once nobody should wait."""
        while len(self.written) <= past and not self._closed:
            future = asyncio.get_running_loop().create_future()
            self._watching.add(future)
            try:
                await future
            finally:
                self._watching.discard(future)
        return not self._closed

    def close(self) -> None:
        """Sends those home who wait for lines."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        watching, self._watching = self._watching, set()
        for future in watching:
            if not future.get_loop().is_closed():
                future.get_loop().call_soon_threadsafe(_resolve, future)

    @property
    def length(self) -> int:
        """How many numbers have been given."""
        return len(self._lines)

    def __iter__(self) -> Iterator[Event]:
        return (line for line in tuple(self._lines) if line is not None)

    def since(self, n: int) -> tuple[Event, ...]:
        """The lines after number `n`."""
        return tuple(line for line in self._lines[n:] if line is not None)

    def of(self, kind: type[E]) -> list[E]:
        """The lines of one kind."""
        return [line for line in self._lines if isinstance(line, kind)]

    def get(self, n: int) -> Event | None:
        """One line by its number."""
        return self._lines[n - 1] if 0 < n <= len(self._lines) else None

    @property
    def requests(self) -> list[Exchange]:
        """What came in and was answered."""
        return self.of(Exchange)

    @property
    def deliveries(self) -> list[Delivery]:
        """Callbacks that went out."""
        return self.of(Delivery)

    def fork(self) -> "Journal":
        """The same lines, to be continued separately; what is under way stays behind."""
        return Journal(self._lines)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
