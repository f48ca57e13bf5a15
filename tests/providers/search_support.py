"""What the tests of searches share: lost attempts, flows answered by rule, and what must hold."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec
from hypothesis import strategies as st

from providers.contract import (
    Account,
    Flow,
    HttpRequest,
    HttpResponse,
    Lost,
    Search,
    VideoSpec,
    shorten,
)

T = TypeVar("T")
SENT_AT: Final = 1_767_225_600_000_000
"""The start of 2026, in microseconds."""
PROMPT: Final = "A quiet lake"
PROMPTS: Final = (PROMPT, "A mountain")
TRUTHS: Final = st.lists(
    st.tuples(st.sampled_from(PROMPTS), st.integers(0, 2)), min_size=1, max_size=6
)
"""Attempts: what each asked for, and how many jobs the provider made of it."""
NOBODYS: Final[tuple[dict[str, str], tuple[str, ...], bool]] = ({}, (), True)
"""The summary of a search that was whole and found nothing."""


def told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of a list; what is None is not told."""
    return {name: value for name, value in facts.items() if value is not None}


def lost_like(spec: VideoSpec, n: int, sent_at: int, **changes: Any) -> Lost:
    """A lost attempt; changes are of what it asked for, `inputs` and `drawn` of itself."""
    inputs, drawn = changes.pop("inputs", {}), changes.pop("drawn", False)
    asked = msgspec.structs.replace(spec, **changes)
    return Lost(reference=f"att_{n}", spec=asked, inputs=inputs, sent_at=sent_at, drawn=drawn)


def summary(found: Search) -> tuple[dict[str, str], tuple[str, ...], bool]:
    """Whose job is which, what is suspected, and whether all was read."""
    return {one.reference: one.remote_id for one in found.found}, found.suspects, found.whole


def ok(body: object) -> HttpResponse:
    return HttpResponse(status=200, body=json.dumps(body).encode())


def answered(
    flow: Flow[T], answer: Callable[[HttpRequest], HttpResponse]
) -> tuple[T, list[HttpRequest]]:
    """Run a flow that asks as often as it likes."""
    sent: list[HttpRequest] = []
    try:
        request = next(flow)
        while True:
            sent.append(request)
            request = flow.send(answer(request))
    except StopIteration as stop:
        value: T = stop.value
        return value, sent


def assert_sound(
    search: Search,
    account: Account,
    lost: Sequence[Lost],
    owned: Collection[str],
    may_be_asked_for: Callable[[str], object],
) -> None:
    """What holds whatever the lists said: every job is of one attempt at most, and none taken."""
    asked = [one.reference for one in lost]
    found = [trace.reference for trace in search.found]
    assert len(found) == len(set(found))
    assert set(found) <= set(asked)
    assert {trace.reference for trace in search.doubles} <= set(found)
    given = [trace.remote_id for trace in (*search.found, *search.doubles)]
    assert len(given) == len(set(given))
    assert not set(given) & set(owned)
    assert not set(given) & set(search.suspects)
    assert not set(search.suspects) & set(owned)
    assert all(may_be_asked_for(one) for one in given)
    if set(found) == set(asked):
        assert search.suspects == ()
    assert search.reason == shorten(search.reason)
    assert account.key.reveal() not in search.reason
    assert search.wait_seconds is None or search.wait_seconds >= 0


def assert_given(found: Search, attempts: Sequence[Lost], made: Mapping[str, set[str]]) -> None:
    """All that was `made`, by prompt, is of an attempt that asked for it, or a double."""
    assert (found.whole, found.suspects) == (True, ())
    for prompt in PROMPTS:
        jobs = made.get(prompt, set())
        ours = {one.reference for one in attempts if one.spec.prompt == prompt}
        traces = [one for one in found.found if one.reference in ours]
        assert {one.remote_id for one in traces} <= jobs
        assert len(traces) == min(len(ours), len(jobs))
        again = {one.remote_id for one in found.doubles if one.reference in ours}
        assert {one.remote_id for one in traces} | again == jobs
