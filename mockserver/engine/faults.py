"""What goes wrong, as data: lines such as `submit#2:accept-then-reset`, and chance by rates.

A line names an act, whom it concerns, which time of that, and what happens:

    submit#2:accept-then-reset        the second submit of the world
    submit@pictory#1:status=503       the first one to a provider
    poll@job2#3-5:reset               looks three to five at the second job
    download:truncate=50%             every download
    callback@ops@example.com:drop     every callback of an account's jobs
    submit:status=429 retry-after=30  a refusal that says when to come again

Chance, `poll:reset=5%`, is decided by the seed and by what the request is about, not by its place
in the traffic, so it strikes the same requests under any interleaving. What struck is told as a
line that can be pasted into a test.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import msgspec

from mockserver.engine.chance import share
from mockserver.engine.durations import seconds_of

Target = Literal["submit", "poll", "list", "upload", "download", "callback", "request"]
"""What a fault strikes; a `request` is any of them but callbacks."""

Stage = Literal["before", "after", "reply", "bytes", "callback"]
"""`before` anything is done; `after` it was done, instead of the reply; on the `reply` as it is;
on the `bytes` of a file; on a `callback`."""

TARGETS: tuple[Target, ...] = (
    "submit", "poll", "list", "upload", "download", "callback", "request",
)  # fmt: skip
ALIASES: Mapping[str, Target] = {"hook": "callback", "webhook": "callback"}


def _nothing(text: str) -> float:
    if text:
        raise ValueError("takes no value")
    return 0


def _status(text: str) -> float:
    if not re.fullmatch(r"[2-5][0-9]{2}", text):
        raise ValueError("takes an HTTP status")
    return int(text)


def _percent(text: str) -> float:
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]+)?)%", text)
    if found is None or float(found[1]) > 100:  # noqa: PLR2004 - percent
        raise ValueError("takes a share such as 50%")
    return float(found[1]) / 100


def _half(text: str) -> float:
    return _percent(text or "50%")


def _count(text: str) -> float:
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text or "2"):
        raise ValueError("takes a whole number from 1 to 9999")
    return int(text or "2")


class Kind(msgspec.Struct, frozen=True):
    """A way to go wrong."""

    stage: Stage
    targets: frozenset[Target]
    read: Callable[[str], float]
    """Reads the value after `=`."""
    example: str
    meaning: str


_ANY: frozenset[Target] = frozenset({"submit", "poll", "list", "upload", "download", "request"})
_ASKED: frozenset[Target] = frozenset({"submit", "poll", "list", "upload", "request"})
_SUBMIT: frozenset[Target] = frozenset({"submit"})
_DOWNLOAD: frozenset[Target] = frozenset({"download"})
_CALLBACK: frozenset[Target] = frozenset({"callback"})

KINDS: Mapping[str, Kind] = {
    "reset": Kind(
        "before", _ANY, _nothing, "submit#1:reset", "the connection breaks and nothing was done"
    ),
    "timeout": Kind(
        "before", _ANY, _nothing, "poll#2:timeout", "never answered, and nothing was done"
    ),
    "status": Kind(
        "before",
        _ANY,
        _status,
        "submit#1:status=503",
        "answered with this status, and nothing was done; `retry-after=30` adds the header",
    ),
    "slow": Kind(
        "before", _ANY, seconds_of, "submit#1:slow=20s", "work on the request begins that late"
    ),
    "accept-then-reset": Kind(
        "after",
        _SUBMIT,
        _nothing,
        "submit#2:accept-then-reset",
        "a job is made and charged, then the connection breaks before the reply",
    ),
    "accept-then-cut": Kind(
        "after",
        _SUBMIT,
        _nothing,
        "submit#1:accept-then-cut",
        "a job is made and charged, then the connection breaks within the reply",
    ),
    "accept-then-timeout": Kind(
        "after",
        _SUBMIT,
        _nothing,
        "submit#1:accept-then-timeout",
        "a job is made and charged, then nothing comes back",
    ),
    "accept-then-status": Kind(
        "after",
        _SUBMIT,
        _status,
        "submit#1:accept-then-status=502",
        "a job is made and charged, then this status is answered; `retry-after=30` as above",
    ),
    "callback-first": Kind(
        "after",
        _SUBMIT,
        _nothing,
        "submit#1:callback-first",
        "the job ends at once, and its callbacks are answered before the submit is",
    ),
    "garble": Kind(
        "reply", _ASKED, _nothing, "poll#1:garble", "status 200 with a page that is no JSON"
    ),
    "late": Kind(
        "reply",
        _ANY,
        seconds_of,
        "submit#1:late=60s",
        "done at once, but the reply comes that late",
    ),
    "cut": Kind(
        "reply", _ANY, _half, "download#1:cut=50%", "the connection breaks after that share of it"
    ),
    "truncate": Kind(
        "bytes", _DOWNLOAD, _half, "download#1:truncate=50%", "the file ends there, as if whole"
    ),
    "empty": Kind("bytes", _DOWNLOAD, _nothing, "download#1:empty", "the file has no bytes"),
    "html": Kind(
        "bytes", _DOWNLOAD, _nothing, "download#1:html", "a page stands where the film should be"
    ),
    "moov-at-end": Kind(
        "bytes", _DOWNLOAD, _nothing, "download#1:moov-at-end", "the film's index is behind it"
    ),
    "wrong-length": Kind(
        "bytes", _DOWNLOAD, _nothing, "download#1:wrong-length", "half as long as ordered"
    ),
    "odd-size": Kind(
        "bytes", _DOWNLOAD, _nothing, "download#1:odd-size", "not the size that was ordered"
    ),
    "no-video-track": Kind(
        "bytes", _DOWNLOAD, _nothing, "download#1:no-video-track", "the film has no video track"
    ),
    "undecodable": Kind(
        "bytes", _DOWNLOAD, _nothing, "download#1:undecodable", "pictures that no decoder can read"
    ),
    "octet-stream": Kind(
        "bytes", _DOWNLOAD, _nothing, "download#1:octet-stream", "the film under a general type"
    ),
    "html-page": Kind(
        "bytes",
        _DOWNLOAD,
        _nothing,
        "download#1:html-page",
        "a page stands where the film should be, and its type says so",
    ),
    "trickle": Kind(
        "reply",
        _DOWNLOAD,
        seconds_of,
        "download#1:trickle=10s",
        "the bytes come in ten pieces over that time",
    ),
    "duplicate": Kind(
        "callback", _CALLBACK, _count, "callback#1:duplicate=2", "sent that many times (2)"
    ),
    "drop": Kind("callback", _CALLBACK, _nothing, "callback#1:drop", "never sent"),
    "delay": Kind("callback", _CALLBACK, seconds_of, "callback#1:delay=30s", "sent that late"),
    "reorder": Kind(
        "callback",
        _CALLBACK,
        _nothing,
        "callback#1:reorder",
        "sent after the next one of its job; its last one 30 s late, for other jobs' to overtake",
    ),
    "dead": Kind(
        "callback", _CALLBACK, _nothing, "callback#1:dead", "nobody listens at its address"
    ),
    "storm": Kind(
        "callback",
        _CALLBACK,
        _count,
        "callback#1:storm=20",
        "that many calls of progress come with it",
    ),
    "forge": Kind(
        "callback",
        _CALLBACK,
        _nothing,
        "callback#1:forge",
        "a false one comes first: it says the job has completed, with a link of its own",
    ),
    "stranger": Kind(
        "callback",
        _CALLBACK,
        _nothing,
        "callback#1:stranger",
        "one for a job that nobody ordered comes first",
    ),
}
"""Every fault by its name."""

_LINE = re.compile(
    r"(?P<target>[a-z]+)(?:@(?P<selector>[^#\s]+))?"
    r"(?:#(?P<first>[0-9]{1,6})(?:-(?P<last>[0-9]{1,6}))?)?"
    r":(?P<name>[a-z_-]+)(?:=(?P<value>[^:\s]+))?(?P<options>(?:\s+[a-z-]+=\S+)*)"
)
"""No value holds a colon, so that an id with colons can be told from what follows it."""
OPTION = "retry-after"
OPTIONAL = frozenset({"status", "accept-then-status"})
"""Faults that take the option."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One line."""

    target: Target
    selector: str = ""
    """A provider, an account, a job's id, `job2`, or the key of a request; empty is all."""
    first: int | None = None
    """Which time, from 1 on; None is each time."""
    last: int | None = None
    name: str
    text: str = ""
    """What stands behind `=`, as written."""
    value: float = 0
    options: Mapping[str, str] = {}

    @property
    def kind(self) -> Kind:
        """Its row of the table."""
        return KINDS[self.name]

    @property
    def line(self) -> str:
        """The fault as it is written."""
        times = "" if self.first is None else f"#{self.first}"
        if self.last is not None:
            times += f"-{self.last}"
        text = f"={self.text}" if self.text else ""
        options = "".join(f" {name}={value}" for name, value in self.options.items())
        at = f"@{self.selector}" if self.selector else ""
        return f"{self.target}{at}{times}:{self.name}{text}{options}"

    def concerns(self, target: Target) -> bool:
        """Whether it can strike things of this kind."""
        return target == self.target or (self.target == "request" and target in self.kind.targets)

    def strikes(self, ordinal: int) -> bool:
        """Whether it is meant for the how-manieth time."""
        if self.first is None:
            return True
        return self.first <= ordinal <= (self.last or self.first)


class FaultError(ValueError):
    """A line that is no fault; the text says what it should be."""


def parse(line: str) -> Fault:
    """The fault that a line tells of.

    Raises:
        FaultError: it tells of none.
    """
    found = _LINE.fullmatch(line.strip())
    if found is None:
        raise FaultError(f"{line!r} is no fault, such as `submit#2:accept-then-reset`")
    target = ALIASES.get(found["target"], found["target"])
    name = found["name"].replace("_", "-")
    if target not in TARGETS:
        raise FaultError(f"{line!r}: {target!r} is none of: {', '.join(TARGETS)}")
    kind = KINDS.get(name)
    fitting = [each for each, row in KINDS.items() if target in row.targets]
    if kind is None or name not in fitting:
        raise FaultError(f"{line!r}: a {target} can go wrong by: {', '.join(fitting)}")
    options = dict(one.split("=", 1) for one in found["options"].split())
    for option, seconds in options.items():
        if name not in OPTIONAL or option != OPTION or not re.fullmatch("[0-9]{1,6}", seconds):
            raise FaultError(f"{line!r}: the only option is {OPTION}=SECONDS, of a status")
    first, last = found["first"], found["last"]
    if first is not None and int(first) == 0:
        raise FaultError(f"{line!r}: times are counted from 1 on")
    if last is not None and int(last) < int(first):
        raise FaultError(f"{line!r}: {first}-{last} goes backwards")
    text = found["value"] or ""
    try:
        value = kind.read(text)
    except ValueError as fault:
        raise FaultError(f"{line!r}: {name} {fault}") from None
    return Fault(
        target=target,
        selector=found["selector"] or "",
        first=None if first is None else int(first),
        last=None if last is None else int(last),
        name=name,
        text=text,
        value=value,
        options=options,
    )


class Chance(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that strikes with a probability."""

    fault: Fault
    rate: float
    line: str


def parse_chance(line: str) -> Chance:
    """The chance that a line tells of: a fault without a time, and its rate at the end.

    A fault that takes a value has it before the rate: `download:truncate=50%=5%`.

    Raises:
        FaultError: it tells of none.
    """
    head, _, tail = line.strip().rpartition("=")
    try:
        rate = _percent(tail)
    except ValueError:
        raise FaultError(f"{line!r} does not end with a rate, such as `poll:reset=5%`") from None
    fault = parse(head)
    if fault.first is not None:
        raise FaultError(f"{line!r}: chance decides the time")
    return Chance(fault=fault, rate=rate, line=line.strip())


class Faults:
    """The faults of one world, and how often everything has happened so far."""

    def __init__(self, seed: int, lines: Iterable[str] = (), chaos: Iterable[str] = ()) -> None:
        self._seed = seed
        self.plan: tuple[Fault, ...] = tuple(parse(line) for line in lines)
        self.chaos: tuple[Chance, ...] = tuple(parse_chance(line) for line in chaos)
        self._counts: Counter[tuple[str, str]] = Counter()
        self.struck: list[Fault] = []

    def add(self, *lines: str) -> None:
        """Adds faults to the plan.

        Raises:
            FaultError: a line is none; then none is added.
        """
        self.plan += tuple(parse(line) for line in lines)

    def clear(self) -> None:
        """Lets everything go well from here on."""
        self.plan, self.chaos = (), ()

    def strike(self, target: Target, key: str, scopes: Iterable[str]) -> tuple[Fault, ...]:
        """The faults that this one meets; counts it.

        Args:
            target: what it is.
            key: what it is about, whatever came before it.
            scopes: whom else it concerns: provider, account, job.
        """
        ordinals: dict[str, int] = {}
        for scope in {"", key, *scopes}:
            self._counts[target, scope] += 1
            ordinals[scope] = self._counts[target, scope]
        if not self.plan and not self.chaos:
            return ()
        met = [
            fault
            for fault in self.plan
            if fault.concerns(target)
            and fault.selector in ordinals
            and fault.strikes(ordinals[fault.selector])
        ]
        met += self._by_chance(target, key, ordinals)
        self.struck += met
        return tuple(met)

    def _by_chance(self, target: Target, key: str, ordinals: Mapping[str, int]) -> Iterable[Fault]:
        for chance in self.chaos:
            fault = chance.fault
            if not fault.concerns(target) or fault.selector not in ordinals:
                continue
            about = (target, key, ordinals[key], fault.line)
            if share(self._seed, *about) < chance.rate:
                yield msgspec.structs.replace(
                    fault, target=target, selector=key, first=ordinals[key], last=None
                )

    def count(self, target: Target, scope: str) -> int:
        """How often something has happened to whom it concerns."""
        return self._counts[target, scope]

    @property
    def lines(self) -> tuple[str, ...]:
        """What struck so far, as lines that strike the same again."""
        return tuple(dict.fromkeys(fault.line for fault in self.struck))

    def fork(self) -> "Faults":
        """The same plan and counts, to be continued separately."""
        faults = Faults(self._seed)
        faults.plan, faults.chaos = self.plan, self.chaos
        faults._counts = self._counts.copy()
        faults.struck = self.struck.copy()
        return faults
