"""Directives in a prompt that script one job: `... [[mock run=3s fail=moderated]]`.

They are an invention of this mock: no provider has them. An unknown or misspelt one is refused,
because a directive that silently does nothing makes a test pass for the wrong reason.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping

import msgspec

from mockserver.engine.jobs import Phase

_BLOCK = re.compile(r"\[\[mock\b([^\]]*)\]\]")
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}
_FATES = {"failed": Phase.FAILED, "moderated": Phase.MODERATED}


class DirectiveError(ValueError):
    """The prompt holds a directive this mock does not know; the text says which."""


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """What the directives of one prompt ask for."""

    queue: float | None = None
    run: float | None = None
    fail: Phase = Phase.COMPLETED
    refuse: int = 0
    throttle: int = 0
    lose_reply: int = 0
    no_callback: bool = False


def _seconds(text: str) -> float:
    found = _SECONDS.fullmatch(text)
    if found is None:
        raise ValueError("takes a duration such as 3s, 250ms or 2m")
    return float(found[1]) * _UNITS[found[2]]


def _fate(text: str) -> Phase:
    if text not in _FATES:
        raise ValueError(f"takes one of: {', '.join(_FATES)}")
    return _FATES[text]


def _count(text: str) -> int:
    if not text:
        return 1
    if not re.fullmatch(r"\d{1,4}", text):
        raise ValueError("takes a whole number")
    return int(text)


def _status(text: str) -> int:
    if not re.fullmatch(r"\d{3}", text):
        raise ValueError("takes an HTTP status")
    return int(text)


def _flag(text: str) -> bool:
    if text:
        raise ValueError("takes no value")
    return True


class Directive(msgspec.Struct, frozen=True):
    """How a directive's value is read, an example, and what it does."""

    read: Callable[[str], object]
    example: str
    meaning: str


DIRECTIVES: Mapping[str, Directive] = {
    "queue": Directive(_seconds, "queue=1s", "virtual time before rendering starts"),
    "run": Directive(_seconds, "run=3s", "virtual time of rendering"),
    "fail": Directive(
        _fate,
        "fail=moderated",
        "the job is accepted, then ends so and is refunded: failed, moderated",
    ),
    "refuse": Directive(
        _status, "refuse=412", "every submit is answered with this documented error; no job"
    ),
    "throttle": Directive(
        _count, "throttle=2", "the first N submits of this prompt answer 429 from upstream; no job"
    ),
    "lose-reply": Directive(
        _count, "lose-reply", "the first N submits (1) make and charge a job, then the reply is cut"
    ),
    "no-callback": Directive(_flag, "no-callback", "no callback is ever sent for the job"),
}


def parse(prompt: str, *, refusals: Collection[int] = ()) -> Script:
    """The script in a prompt; an empty one when it has no directive.

    Args:
        prompt: the text to look through.
        refusals: the statuses that the provider knows to refuse with.

    Raises:
        DirectiveError: a directive is unknown or its value cannot be read.
    """
    values: dict[str, object] = {}
    for block in _BLOCK.findall(prompt):
        for word in block.split():
            name, _, text = word.partition("=")
            directive = DIRECTIVES.get(name)
            if directive is None:
                known = ", ".join(DIRECTIVES)
                raise DirectiveError(f"unknown mock directive {name!r}; known are: {known}")
            try:
                values[name.replace("-", "_")] = directive.read(text)
            except ValueError as fault:
                raise DirectiveError(f"mock directive {name!r} {fault}") from None
    if "refuse" in values and values["refuse"] not in refusals:
        known = ", ".join(map(str, refusals))
        raise DirectiveError(f"mock directive 'refuse' takes one of: {known}")
    return msgspec.convert(values, Script)


def without_directives(prompt: str) -> str:
    """The prompt as a caption: what stands outside the directives."""
    return " ".join(_BLOCK.sub(" ", prompt).split())


class Tally:
    """Counts submits of the same prompt, for directives that mean the first N of them."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, str, str]] = Counter()

    def among_first(self, limit: int, provider: str, directive: str, prompt: str) -> bool:
        """Whether this submit is one of the first `limit`; counts it if so."""
        key = (provider, directive, prompt)
        if self._seen[key] >= limit:
            return False
        self._seen[key] += 1
        return True
