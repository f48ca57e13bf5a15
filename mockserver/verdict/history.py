"""A world's past, arranged for judging: who was told what, and when."""

import hashlib
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

import msgspec

from mockserver.engine.jobs import LIFE, Job
from mockserver.engine.journal import Act, Delivery, Entry, Event, Exchange, Loaded
from mockserver.verdict.wishes import account_of, wish_of

if TYPE_CHECKING:
    from mockserver.world import World

PATIENCE_SECONDS = 5.0
"""How long a client can be trusted to wait for a reply. Clients' own limits are not known here;
httpx gives up after that if nobody tells it otherwise."""
CROSSING_SECONDS = 0.5
"""How long, in real time, an answer may be on its way to those who send the next request, and that
one on its way here (chosen here). Where time is moved by hand nothing is on its way."""

ENDS = frozenset(phase.value for phase, following in LIFE.items() if not following)
FALSE = frozenset({"forged", "stranger"})
"""Callbacks that no provider sent, by `Delivery.how`."""

E = TypeVar("E", bound=Event)

_UPLOAD = re.compile(r"(?:^|/)upload/([^/?#]+)")
_OK, _MULTIPLE_CHOICES = 200, 300
_BUSY, _TIMED_OUT, _SERVER_ERROR, _HELD = 429, 408, 500, 596


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """A moment at which the client was told where a job stood."""

    n: int
    at: float
    """When the news was with the client."""
    phase: str
    act: str
    """`poll`, `list`, or `callback`."""
    sure: bool
    """It came within a client's patience."""

    @property
    def is_end(self) -> bool:
        """Whether nothing follows that phase."""
        return self.phase in ENDS


def is_ok(line: Exchange) -> bool:
    """Whether it was answered with success, and whole."""
    return _OK <= line.status < _MULTIPLE_CHOICES and not line.lost


def is_readable(line: Exchange) -> bool:
    """The same, with a document rather than a page."""
    return is_ok(line) and line.reply_headers.get("content-type", "").startswith("application/json")


def is_answered(line: Exchange) -> bool:
    """Whether the reply told anything: not broken, no page in its place, no trouble upstream."""
    if line.lost or line.status in {_BUSY, _TIMED_OUT} or line.status >= _SERVER_ERROR:
        return False
    return not _OK <= line.status < _MULTIPLE_CHOICES or is_readable(line)


def doubt_about(line: Exchange) -> str:
    """Why the client cannot know what became of a request; empty where the reply told it."""
    lost = {
        "reset": "its connection broke before the reply",
        "cut": "its connection broke within the reply",
        "hang": "it was never answered",
    }
    if line.lost:
        return lost[line.lost]
    if line.status == _TIMED_OUT or (line.status >= _SERVER_ERROR and line.status != _HELD):
        return f"it was answered {line.status}"
    if _OK <= line.status < _MULTIPLE_CHOICES and not is_readable(line):
        return f"it was answered {line.status} with a page that is no JSON"
    # Who comes again after a refusal may have heard it, however late; who comes again after having
    # been taken has not.
    waited = line.replied_at - line.at
    late = waited > PATIENCE_SECONDS and is_ok(line)
    return f"its reply took {waited:g} s" if late else ""


class History:
    """What happened in a world, by whom it concerns."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.settings = world.settings
        self.now = world.clock.now()
        self.speed = world.clock.speed
        self.at_rest = not len(world.engine.scheduler.agenda)
        """Nothing is due any more."""
        self.jobs: Mapping[str, Job] = {job.id: job for job in world.jobs}
        self.requests: Sequence[Exchange] = world.journal.requests
        self.deliveries: Sequence[Delivery] = world.journal.deliveries
        self.entries: Sequence[Entry] = world.journal.of(Entry)
        self.loaded: Sequence[Loaded] = world.journal.of(Loaded)
        self._wishes: dict[int, str] = {}
        self._accounts: dict[int, str | None] = {}

    def line(self, n: int) -> Event | None:
        """A line of the journal."""
        return self._world.journal.get(n)

    def name(self, job_id: str) -> str:
        """How findings call a job: `job2`."""
        job = self.jobs.get(job_id)
        return job_id if job is None else f"job{job.number}"

    @property
    def is_timed(self) -> bool:
        """Whether intervals say anything of the client: time that skips is not its own."""
        return self.settings.clock not in {"auto-skip", "per-poll"}

    def may_cross(self, first: Exchange, second: Exchange) -> bool:
        """Whether the second may have been sent before the answer to the first was there."""
        return second.at <= first.replied_at + CROSSING_SECONDS * self.speed

    # --- requests

    @cached_property
    def submits(self) -> Sequence[Exchange]:
        """Orders, taken or not."""
        return tuple(line for line in self.requests if line.act == "submit")

    @cached_property
    def lists(self) -> Sequence[Exchange]:
        """Looks at many jobs."""
        return tuple(line for line in self.requests if line.act == "list")

    @cached_property
    def configurations(self) -> Sequence[Exchange]:
        """Accounts that were posted, successfully."""
        return tuple(
            line
            for line in self.requests
            if line.act == "account" and line.method == "POST" and is_ok(line)
        )

    @cached_property
    def polls(self) -> Mapping[str, Sequence[Exchange]]:
        """Looks at one job, by its id."""
        return self._by_target("poll")

    @cached_property
    def downloads(self) -> Mapping[str, Sequence[Exchange]]:
        """Fetches of a job's media, by its id."""
        return self._by_target("download")

    def _by_target(self, act: Act) -> Mapping[str, Sequence[Exchange]]:
        """By the job that the path names: one that broke off before it was read has no other."""
        found: defaultdict[str, list[Exchange]] = defaultdict(list)
        for line in self.requests:
            if line.act == act and (job := line.job or self._target_of(line)) is not None:
                found[job].append(line)
        return found

    def _target_of(self, line: Exchange) -> str | None:
        name = unquote(line.path.rstrip("/").rpartition("/")[2])
        if name in self.jobs:
            return name
        job = self.job_of_file(name.partition(".")[0])
        return None if job is None else job.id

    def films(self, job_id: str) -> Sequence[Exchange]:
        """Fetches of a job's film that came whole."""
        return tuple(
            line
            for line in self.downloads.get(job_id, ())
            if line.method == "GET" and line.path.endswith(".mp4") and is_ok(line)
        )

    def job_of_file(self, stem: str) -> Job | None:
        """The job whose media files begin with that."""
        return self._world.jobs.find(stem)

    def submit_of(self, job: Job) -> Exchange | None:
        """The request that made a job."""
        line = None if job.order.cause is None else self.line(job.order.cause)
        return line if isinstance(line, Exchange) else None

    # --- telling

    @cached_property
    def calls(self) -> Mapping[str, Sequence[Delivery]]:
        """Callbacks that the client took, false ones included, by job."""
        return _by_job(
            line
            for line in self.deliveries
            if line.status is not None and _OK <= line.status < _MULTIPLE_CHOICES
        )

    @cached_property
    def tellings(self) -> Mapping[str, Sequence[Telling]]:
        """What the client was told of each job, in order."""
        told: defaultdict[str, list[Telling]] = defaultdict(list)
        for line in self.requests:
            if line.lost or line.act not in {"poll", "list"}:
                continue
            sure = line.replied_at - line.at <= PATIENCE_SECONDS
            for job_id, phase in line.told:
                told[job_id].append(
                    Telling(n=line.n, at=line.replied_at, phase=phase, act=line.act, sure=sure)
                )
        for job_id, calls in self.calls.items():
            for call in calls:
                if call.how not in FALSE:
                    at = call.at if call.answered_at is None else call.answered_at
                    told[job_id].append(
                        Telling(n=call.n, at=at, phase=call.phase, act="callback", sure=True)
                    )
        return {job_id: sorted(each, key=lambda one: one.n) for job_id, each in told.items()}

    def was_told_end(self, job_id: str) -> bool:
        """Whether the client heard of a job's end, by whichever way."""
        return any(telling.is_end for telling in self.tellings.get(job_id, ()))

    def is_called_between(self, job_id: str | None, first: int, last: int) -> bool:
        """Whether the client took a callback between two lines, about a job or about any."""
        if job_id is not None:
            return any(first < call.n < last for call in self.calls.get(job_id, ()))
        return _has_between(self._call_numbers, first, last)

    def is_submitted_between(self, first: int, last: int) -> bool:
        """Whether the client sent a submit between two lines."""
        return _has_between(self._submit_numbers, first, last)

    @cached_property
    def _submit_numbers(self) -> Sequence[int]:
        return [line.n for line in self.submits]

    @cached_property
    def _call_numbers(self) -> Sequence[int]:
        return sorted(call.n for calls in self.calls.values() for call in calls)

    def is_end_told_between(self, provider: str, first: int, last: int) -> bool:
        """Whether the client heard between two lines that a job of a provider had ended."""
        return _has_between(self._ends.get(provider, ()), first, last)

    @cached_property
    def _ends(self) -> Mapping[str, Sequence[int]]:
        found: defaultdict[str, list[int]] = defaultdict(list)
        for job in self.jobs.values():
            told = self.tellings.get(job.id, ())
            found[job.order.provider] += [each.n for each in told if each.is_end]
        return {provider: sorted(numbers) for provider, numbers in found.items()}

    # --- wishes

    def wish(self, line: Exchange) -> str:
        """A digest of what a submit asks for."""
        found = self._wishes.get(line.n)
        if found is None:
            volatile = self._volatile.get(line.provider, frozenset())
            found = self._wishes[line.n] = wish_of(line, volatile, self.content_of)
        return found

    @cached_property
    def wishes(self) -> Mapping[str, Sequence[Exchange]]:
        """The submits by what they ask for."""
        groups: defaultdict[str, list[Exchange]] = defaultdict(list)
        for line in self.submits:
            groups[self.wish(line)].append(line)
        return groups

    @cached_property
    def _volatile(self) -> Mapping[str, frozenset[str]]:
        return {kind.name: kind.volatile for kind in self._world.providers}

    @cached_property
    def _contents(self) -> Mapping[str, str]:
        known = {line.url: line.digest for line in self.loaded if line.digest}
        for job in self.jobs.values():
            for source in job.material:
                if source.data is not None:
                    known.setdefault(source.url, hashlib.sha256(source.data).hexdigest())
        return known

    def content_of(self, value: str) -> str | None:
        """The digest of what lies behind a path or URL, as far as the world has seen it."""
        if (known := self._contents.get(value)) is not None:
            return known
        named = _UPLOAD.search(value)
        if named is None:
            return None
        for kind in self._world.providers:
            upload = self._world.provider(kind).upload_named(named[1])
            if upload is not None:
                return hashlib.sha256(upload.data).hexdigest()
        return None

    # --- accounts

    @cached_property
    def account_names(self) -> frozenset[str]:
        """The accounts that the provider with several of them had at the end."""
        names = {account.email for account in self.settings.pixverse_accounts()}
        return frozenset(names | {configured(line)[0] for line in self.configurations})

    def account(self, line: Exchange) -> str | None:
        """The account that a request names; None where it leaves the choice to the provider."""
        if line.n not in self._accounts:
            self._accounts[line.n] = account_of(line)
        return self._accounts[line.n]

    def concerns(self, account: str | None, line: Exchange) -> bool:
        """Whether a submit may go to an account; None stands for all of them."""
        named = self.account(line)
        if account is None or named == account:
            return True
        return named is None and len(self.account_names) == 1


def configured(line: Exchange) -> tuple[str, int]:
    """The account that a request configured, and how many jobs it runs at once from then on."""
    told = msgspec.json.decode(line.reply, type=_Configured)
    return told.email, told.max_jobs


class _Configured(msgspec.Struct, rename="camel"):
    email: str
    max_jobs: int


def _has_between(numbers: Sequence[int], first: int, last: int) -> bool:
    at = bisect_right(numbers, first)
    return at < len(numbers) and numbers[at] < last


def _by_job(lines: Iterable[E]) -> Mapping[str, Sequence[E]]:
    found: defaultdict[str, list[E]] = defaultdict(list)
    for line in lines:
        if line.job is not None:
            found[line.job].append(line)
    return found
