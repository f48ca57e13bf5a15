"""How an inbox answers, as data: `500*3, 200`.

The steps are taken in turn, one for each webhook that comes in; the last one stays:

    500*3, 200                three times 500, then 200 for ever
    timeout, 204              the first is never answered
    reset, 200 slow=5s        the first breaks the connection; the others are answered late
    503 retry-after=30, 200   with a header that says when to come again
"""

import re

import msgspec

from mockserver.engine.durations import seconds_of
from mockserver.engine.journal import Lost
from mockserver.wire.http import Response

_WHAT = re.compile(r"([2-5][0-9]{2}|timeout|reset)(?:\*([1-9][0-9]{0,3}))?")
_SLOW = re.compile(r"slow=(\S+?)(?:\*([1-9][0-9]{0,3}))?")
_RETRY_AFTER = re.compile(r"retry-after=([0-9]{1,6})")
LOST: dict[str, Lost] = {"timeout": "hang", "reset": "reset"}


class ScriptError(ValueError):
    """A text that is no script; it says what it should be."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, and how often in turn it is given."""

    status: int = 200
    """0 where there is no answer."""
    lost: Lost = ""
    """How there is none."""
    slow: float = 0.0
    """Virtual seconds until the answer."""
    retry_after: str = ""
    """The header's value, in seconds."""
    times: int = 1

    def response(self) -> Response:
        """What is sent."""
        headers = {"retry-after": self.retry_after} if self.retry_after else {}
        return Response(status=self.status, headers=headers, lost=self.lost)


class Script(msgspec.Struct, frozen=True):
    """The steps, and how many webhooks have been answered by them."""

    text: str = "200"
    steps: tuple[Step, ...] = (Step(),)
    answered: int = 0

    @property
    def step(self) -> Step:
        """What the next webhook is answered with."""
        left = self.answered
        for step in self.steps:
            if left < step.times:
                return step
            left -= step.times
        return self.steps[-1]

    def after(self) -> "Script":
        """The script once another one has been answered."""
        return Script(self.text, self.steps, self.answered + 1)


def parse(text: str) -> Script:
    """The script that a text tells of.

    Raises:
        ScriptError: it tells of none.
    """
    return Script(text.strip(), tuple(_step(part) for part in text.split(",")))


def _step(text: str) -> Step:
    given: dict[str, int | float | str] = {}
    for word in text.split():
        if not given and (found := _WHAT.fullmatch(word)):
            lost = LOST.get(found[1], "")
            given |= {"status": 0 if lost else int(found[1]), "lost": lost}
            given["times"] = int(found[2] or 1)
        elif "slow" not in given and (found := _SLOW.fullmatch(word)):
            given["slow"] = _seconds(text, found[1])
            given["times"] = int(found[2] or given.get("times", 1))
        elif found := _RETRY_AFTER.fullmatch(word):
            given["retry_after"] = found[1]
        else:
            raise ScriptError(
                f"{text.strip()!r} is no answer of an inbox, such as `500*3`, `timeout`, `reset`, "
                "`slow=5s` or `503 retry-after=30`"
            )
    if not given:
        raise ScriptError("a script has an answer between any two commas, such as `500*3, 200`")
    return msgspec.convert(given, Step)


def _seconds(text: str, value: str) -> float:
    try:
        return seconds_of(value)
    except ValueError as fault:
        raise ScriptError(f"{text.strip()!r}: slow {fault}") from None
