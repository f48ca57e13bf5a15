"""What an adapter is: the types every provider's flows are written in.

An adapter turns one provider's wire into the gateway's words and back. It does so
without touching the network: each flow is a generator that *yields* an `HttpRequest`
and is *sent* the `HttpResponse` to it, as often as the provider's protocol needs, and
then returns an outcome. Whoever drives the flow owns sockets, time-outs and threads, so
an adapter can be tested with a list of answers and nothing else (`replay`).

A flow never retries and never waits: it says what happened, and the engine decides.
"""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from enum import StrEnum
from hmac import compare_digest
from typing import Final, TypeAlias, TypeVar

import msgspec

T = TypeVar("T")


class Secret:
    """A credential that does not show itself: `repr()`, `str()` and JSON encoders get no value.

    Call `reveal()` at the one place where it goes onto the wire.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        mine, theirs = (one.reveal().encode("utf-8", "surrogatepass") for one in (self, other))
        return compare_digest(mine, theirs)

    def __hash__(self) -> int:
        return hash(self._value)

    def reveal(self) -> str:
        """The value itself."""
        return self._value


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request an adapter wants sent.

    `url` is absolute and already encoded: it is sent as it stands.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def __repr__(self) -> str:
        # No headers, for one of them is the key; no body, for it holds the callback's token.
        return f"HttpRequest({self.method} {self.url}, {len(self.body)} bytes)"


class HttpResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer to one request. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


Flow: TypeAlias = Generator[HttpRequest, HttpResponse, T]


# --- what is asked ------------------------------------------------------------


class Mode(StrEnum):
    """What a video is made from; each capability row serves one."""

    TEXT = "text"
    FIRST_FRAME = "first_frame"
    FIRST_LAST_FRAME = "first_last_frame"


class Role(StrEnum):
    """What an input picture is for; also the name of the request field it came in."""

    FIRST_FRAME = "first_frame"
    LAST_FRAME = "last_frame"


class InputForm(StrEnum):
    """The form in which a provider takes pictures."""

    UPLOAD = "upload"
    """Uploaded beforehand; the request carries the reference the upload answered."""
    URL = "url"
    """A public URL that the provider fetches by itself."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Credentials at one provider, and how many jobs they may have in flight."""

    name: str
    provider: str
    key: Secret
    base_url: str
    max_jobs: int
    email: str | None = None


class VideoSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One video for one model, every default already chosen.

    `seconds` is the clip's length. `resolution` is None where the provider offers no choice.
    """

    model: str
    mode: Mode
    prompt: str | None
    seconds: int
    aspect_ratio: str
    resolution: str | None = None
    seed: int | None = None


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `submit` needs for one attempt at one account.

    `inputs` holds each picture in the provider's form (an upload reference or a URL).
    `callback_url` and `reference` are unique to the attempt: they are how a lost answer
    is found again.
    """

    account: Account
    spec: VideoSpec
    inputs: Mapping[Role, str]
    callback_url: str | None
    reference: str


# --- what a model can do --------------------------------------------------------


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """An amount of a provider's own money: `amount` counts whole `unit`s."""

    amount: int
    unit: str


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the capability table: what one model takes in one mode.

    The first entry of `seconds`, `aspect_ratios` and `resolutions` is the provider's
    default. Empty `resolutions` means that the provider decides; `seed` None that it takes
    none. Prompt lengths are in characters; `source` names the page that says so.
    """

    model: str
    mode: Mode
    seconds: tuple[int, ...]
    aspect_ratios: tuple[str, ...]
    resolutions: tuple[str, ...] = ()
    prompt_required: bool = True
    prompt_min: int = 0
    prompt_max: int
    seed: tuple[int, int] | None = None
    source: str


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What an adapter serves, as data: read by validator, router, OpenAPI and docs.

    `poll_batch` is how many jobs one `poll` flow may ask about; `poll_seconds` the pace the
    provider's documentation asks for; `needs_email` whether an account must name one.
    """

    provider: str
    title: str
    base_url: str
    input_form: InputForm
    offers: tuple[Offer, ...]
    poll_batch: int = 1
    poll_seconds: int = 15
    needs_email: bool = False
    max_jobs_limit: int | None = None


# --- what comes back ------------------------------------------------------------


class Fault(StrEnum):
    """Why a provider said no, in the gateway's words; clients see these as `error.code`."""

    INVALID_REQUEST = "provider_rejected_request"
    INVALID_INPUT = "provider_rejected_input"
    MODERATED = "content_moderated"
    UNAUTHORIZED = "provider_unauthorized"
    NO_CREDITS = "insufficient_credits"
    ON_HOLD = "account_on_hold"
    THROTTLED = "provider_throttled"
    UNAVAILABLE = "provider_unavailable"
    GENERATION_FAILED = "generation_failed"
    RESULT_GONE = "result_gone"


class Scope(StrEnum):
    """What a refusal is about: only this job, the account, or the whole provider."""

    JOB = "job"
    ACCOUNT = "account"
    PROVIDER = "provider"


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The provider answered in its own documented words that it will not do this.

    Nothing was made and nothing was charged. `words` are the provider's; `wait_seconds` is
    what it asked for (`Retry-After`), None where it named no time.
    """

    fault: Fault
    scope: Scope
    retry: bool
    words: str
    status: int
    wait_seconds: float | None = None


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The provider took the job (and will bill it) under this id."""

    remote_id: str


class Unclear(msgspec.Struct, frozen=True, kw_only=True):
    """An answer from which nobody can tell whether a job was made.

    Never a reason to send again: `evidence` is kept and the attempt is reconciled.
    """

    evidence: str
    status: int


class Uploaded(msgspec.Struct, frozen=True, kw_only=True):
    """The provider keeps a picture under this reference."""

    reference: str


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """Not finished. `word` is the provider's own status, known to us or not."""

    word: str
    progress: int | None = None


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """The video can be fetched at `url`, for as long as the provider keeps it."""

    url: str
    cost: Price | None = None


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """The provider's own verdict that this job will never deliver."""

    fault: Fault
    words: str


class Unseen(msgspec.Struct, frozen=True, kw_only=True):
    """This look told nothing about the job (an error, a gap in a list): look again later."""

    reason: str
    wait_seconds: float | None = None


SubmitOutcome: TypeAlias = Accepted | Refused | Unclear
UploadOutcome: TypeAlias = Uploaded | Refused | Unclear
Sighting: TypeAlias = Running | Finished | Failed | Unseen


class Hint(msgspec.Struct, frozen=True, kw_only=True):
    """What a callback's body claims. Nobody signs callbacks: it only wakes a poll."""

    remote_id: str | None = None
    reference: str | None = None


SubmitFlow: TypeAlias = Callable[[Submission], Flow[SubmitOutcome]]
PollFlow: TypeAlias = Callable[[Account, Sequence[str]], Flow[Mapping[str, Sighting]]]
UploadFlow: TypeAlias = Callable[[Account, bytes, str], Flow[UploadOutcome]]
ReceiveCallback: TypeAlias = Callable[[bytes], Hint]


class Adapter(msgspec.Struct, frozen=True, kw_only=True):
    """One provider: its table, its flows, and how to read its callbacks.

    Attributes:
        capabilities: What it serves.
        submit: Sends one `Submission`. Exactly one request of this flow can be paid for,
            and it is the last one the flow yields.
        poll: Looks at jobs by their remote ids; every id asked for is in the answer.
        upload: Stores a picture (bytes, media type); None where `input_form` is `url`.
            Costs nothing, so it may be repeated.
        receive: Reads a callback's body. Never raises.
    """

    capabilities: Capabilities
    submit: SubmitFlow
    poll: PollFlow
    receive: ReceiveCallback
    upload: UploadFlow | None = None


def replay(flow: Flow[T], answers: Sequence[HttpResponse]) -> tuple[T, list[HttpRequest]]:
    """Run a flow on prepared answers, without network or loop.

    Returns what the flow returned and the requests it made.

    Raises:
        AssertionError: The flow asked for more answers than there are, or left some unread.
    """
    left = list(answers)
    sent: list[HttpRequest] = []
    try:
        request = next(flow)
        while True:
            sent.append(request)
            if not left:
                raise AssertionError(f"no answer left for {request.method} {request.url}")
            request = flow.send(left.pop(0))
    except StopIteration as stop:
        if left:
            raise AssertionError(f"{len(left)} answers were never asked for") from None
        value: T = stop.value
        return value, sent


MAX_WORDS: Final = 500
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters (NUL and terminal escapes among them) and halves of characters."""
_QUERY: Final = re.compile(r"(https?:\\?/\\?/[^\s?#\"'<>]*)[?#][^\s\"'<>]*")
_TOKEN: Final = re.compile(r"(/callbacks\\?/[^\s/\"'<>]+/)[^\s/\"'<>]+")


def shorten(text: str, limit: int = MAX_WORDS) -> str:
    """Provider words cut to what is worth keeping, on one line, fit for logs and databases.

    Providers quote URLs they were given. What makes a link work for whoever holds it, its
    query or the token of a callback, is taken out.
    """
    flat = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))
    bare = _TOKEN.sub(r"\1***", _QUERY.sub(r"\1?***", flat))
    return bare if len(bare) <= limit else bare[: limit - 1] + "…"
