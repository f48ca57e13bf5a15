"""What the tests of searches share: flows answered by rule, and what must hold of any search."""

import json
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from providers.contract import Account, Flow, HttpRequest, HttpResponse, Lost, Search, shorten

T = TypeVar("T")
SENT_AT = 1_767_225_600_000_000
"""The start of 2026, in microseconds."""


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
