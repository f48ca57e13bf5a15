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
from collections.abc import Iterable, Mapping
from operator import itemgetter

import msgspec

from mockserver.engine.chance import share
from mockserver.engine.kinds import ALIASES, KINDS, TARGETS, Kind, Target, percent

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
        rate = percent(tail)
    except ValueError:
        raise FaultError(f"{line!r} does not end with a rate, such as `poll:reset=5%`") from None
    fault = parse(head)
    if fault.first is not None:
        raise FaultError(f"{line!r}: chance decides the time")
    return Chance(fault=fault, rate=rate, line=line.strip())


Place = tuple[bool, int]
"""Whether a fault struck by chance, and where it or its chance stands among those of its kind."""


class Faults:
    """The faults of one world, and how often everything has happened so far."""

    def __init__(self, seed: int, lines: Iterable[str] = (), chaos: Iterable[str] = ()) -> None:
        self._seed = seed
        self._planned: tuple[Fault, ...] = tuple(parse(line) for line in lines)
        """All that ever were in the plan."""
        self._cleared = 0
        """How many of them are no more."""
        self.chaos: tuple[Chance, ...] = tuple(parse_chance(line) for line in chaos)
        self._counts: Counter[tuple[str, str]] = Counter()
        self.struck: list[tuple[Place, Fault]] = []

    @property
    def plan(self) -> tuple[Fault, ...]:
        """What goes wrong, by lines; where several strike, the first of them decides."""
        return self._planned[self._cleared :]

    def add(self, *lines: str) -> None:
        """Adds faults to the plan.

        Raises:
            FaultError: a line is none; then none is added.
        """
        self._planned += tuple(parse(line) for line in lines)

    def clear(self) -> None:
        """Lets everything go well from here on."""
        self._cleared, self.chaos = len(self._planned), ()

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
        met: list[tuple[Place, Fault]] = [
            ((False, place), fault)
            for place, fault in enumerate(self.plan, self._cleared)
            if fault.concerns(target)
            and fault.selector in ordinals
            and fault.strikes(ordinals[fault.selector])
        ]
        met += self._by_chance(target, key, ordinals)
        self.struck += met
        return tuple(fault for _, fault in met)

    def _by_chance(
        self, target: Target, key: str, ordinals: Mapping[str, int]
    ) -> Iterable[tuple[Place, Fault]]:
        for place, chance in enumerate(self.chaos):
            fault = chance.fault
            if not fault.concerns(target) or fault.selector not in ordinals:
                continue
            about = (target, key, ordinals[key], fault.line)
            if share(self._seed, *about) < chance.rate:
                struck = msgspec.structs.replace(
                    fault, target=target, selector=key, first=ordinals[key], last=None
                )
                yield (True, place), struck

    def count(self, target: Target, scope: str) -> int:
        """How often something has happened to whom it concerns."""
        return self._counts[target, scope]

    @property
    def lines(self) -> tuple[str, ...]:
        """What struck so far, as lines that strike the same again.

        They stand as in the plan, and not as they struck: where several strike, order decides.
        """
        struck = dict.fromkeys((place, fault.line) for place, fault in self.struck)
        return tuple(line for _, line in sorted(struck, key=itemgetter(0)))

    def fork(self) -> "Faults":
        """The same plan and counts, to be continued separately."""
        faults = Faults(self._seed)
        faults._planned, faults._cleared = self._planned, self._cleared
        faults.chaos = self.chaos
        faults._counts = self._counts.copy()
        faults.struck = self.struck.copy()
        return faults
