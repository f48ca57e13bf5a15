"""Behaviours that are faults: every kind of fault, on every act that it can strike.

They are told by what became of the request, where that can be seen, so that a directive which
does the same counts as well.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from mockserver.coverage.behaviour import ANY, Behaviour, Provocation, Shown
from mockserver.engine.faults import parse
from mockserver.engine.journal import Delivery, Event, Exchange
from mockserver.engine.kinds import KINDS, Kind, Target
from mockserver.registry import PROVIDERS

_OK, _ERROR = 200, 300


def _is_garbled(line: Exchange) -> bool:
    kind = line.reply_headers.get("content-type", "")
    return line.status == _OK and not line.lost and not kind.startswith("application/json")


EFFECTS: Mapping[str, Callable[[Exchange], bool]] = {
    "accept-then-reset": lambda line: line.lost == "reset" and line.job is not None,
    "accept-then-cut": lambda line: line.lost == "cut" and line.job is not None,
    "accept-then-timeout": lambda line: line.lost == "hang" and line.job is not None,
    "accept-then-status": lambda line: line.status >= _ERROR and line.job is not None,
    "garble": _is_garbled,
    "cut": lambda line: line.lost == "cut",
}
"""What can be seen of a fault in a request's line."""

CALLS: Mapping[str, str] = {
    "callback-first": "early",
    "duplicate": "duplicate",
    "drop": "lost",
    "delay": "late",
    "reorder": "reordered",
    "dead": "dead",
    "storm": "storm",
    "forge": "forged",
    "stranger": "stranger",
}
"""What a callback looks like that a fault has struck: `Delivery.how`."""


def behaviours() -> Iterator[Behaviour]:
    """The rows, made from the table of faults."""
    for name, kind in KINDS.items():
        tail = kind.example.partition(":")[2]
        for target in sorted(kind.targets - {"request"}):
            faults = [f"{target}#1:{tail}"]
            if target == "list":
                # A list is looked at by those who look for a job.
                faults.append("submit#1:accept-then-reset")
            yield Behaviour(
                id=f"{target}:{name}",
                provider=_only_provider(target),
                meaning=f"{target}: {kind.meaning}",
                provoke=Provocation(faults=tuple(faults)),
                shown=_shown(name, kind, target),
            )


def _only_provider(target: Target) -> str:
    """The provider that alone knows an act; otherwise anybody does, for media too."""
    having = [
        kind.name for kind in PROVIDERS if any(route.act == target for route in kind.routes())
    ]
    return having[0] if len(having) == 1 else ANY


def _shown(name: str, kind: Kind, target: Target) -> Shown:
    if name in CALLS:
        return partial(_called, CALLS[name])
    if kind.stage == "callback":
        return partial(_struck_call, name)
    return partial(_met, name, target)


def _called(how: str, lines: Sequence[Event]) -> bool:
    return any(isinstance(line, Delivery) and line.how == how for line in lines)


def _struck_call(name: str, lines: Sequence[Event]) -> bool:
    return any(isinstance(line, Delivery) and name in _names(line.faults) for line in lines)


def _met(name: str, target: Target, lines: Sequence[Event]) -> bool:
    effect = EFFECTS.get(name, partial(_was_struck, name))
    return any(isinstance(line, Exchange) and line.act == target and effect(line) for line in lines)


def _was_struck(name: str, line: Exchange) -> bool:
    """By the fault itself; what would spoil a file needs one."""
    there = KINDS[name].stage != "bytes" or bool(line.reply_digest)
    return there and name in _names(line.faults)


def _names(faults: Sequence[str]) -> frozenset[str]:
    return frozenset(parse(line).name for line in faults)
