"""useapi.net's lists, page by page: what is read, what fails, and whatever else may come."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers._search import MAX_PAGES
from providers.contract import HttpRequest, HttpResponse, Lost, Role, replay
from providers.useapi_pixverse import VIDEO_ID, reconcile
from providers.useapi_pixverse.table import LIST_LIMIT
from tests.providers.pixverse_lists import (
    BROKEN,
    FOUND,
    KEY,
    MINUTE,
    NOW,
    OLD,
    OWNER,
    lost,
    row,
    search,
    video,
)
from tests.providers.search_support import (
    NOBODYS,
    PROMPTS,
    SENT_AT,
    TRUTHS,
    answered,
    assert_given,
    assert_sound,
    ok,
    summary,
)
from tests.strategies import CALM, json_values, objects, responses


def iso(at: int) -> str:
    return (datetime.fromtimestamp(0, UTC) + timedelta(microseconds=at)).isoformat()


class Shop:
    """A list of videos by pages, as documented, or with something wrong about it."""

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self.rows = list(rows)
        self.offsets: list[int] = []

    def __call__(self, request: HttpRequest) -> HttpResponse:
        address = urlsplit(request.url)
        if address.path.endswith("/scheduler/available"):
            return ok({"executing": []})
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        assert query["email"] == OWNER.email
        offset, limit = int(query["offset"]), int(query["limit"])
        self.offsets.append(offset)
        return self.page(offset, limit)

    def page(self, offset: int, limit: int) -> HttpResponse:
        return ok({"data": self.rows[offset : offset + limit]})


def strangers(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [row(1000 + n, prompt="A mountain", seed=99, **changes) for n in range(count)]


def test_pages_overlap_by_one_row_and_end_with_a_short_one() -> None:
    shop = Shop([*strangers(90), row(1)])
    found, _ = answered(reconcile(OWNER, [lost()], ()), shop)
    assert summary(found) == FOUND
    assert shop.offsets == [0, LIST_LIMIT - 1, 2 * LIST_LIMIT - 2]


@pytest.mark.parametrize("count", [0, 1, LIST_LIMIT - 1, LIST_LIMIT, LIST_LIMIT + 1])
def test_a_list_of_any_length_is_read_to_its_end(count: int) -> None:
    shop = Shop(strangers(count))
    found, _ = answered(reconcile(OWNER, [lost()], ()), shop)
    assert summary(found) == NOBODYS
    assert len(shop.offsets) == (1 if count < LIST_LIMIT else 2)


def test_reading_ends_with_a_page_that_is_too_old() -> None:
    shop = Shop([*strangers(50), *strangers(1000, created_at=OLD)])
    shop.rows = [one | {"video_id": video(n)} for n, one in enumerate(shop.rows)]
    found, _ = answered(reconcile(OWNER, [lost()], ()), shop)
    assert summary(found) == NOBODYS
    assert len(shop.offsets) == 2


def test_the_list_of_an_account_that_is_always_full_is_read_as_far_as_absence_needs() -> None:
    # Eight at a time, a minute each; searched for twenty minutes, beside an older attempt.
    later, made_every = SENT_AT + 30 * MINUTE, MINUTE // 8
    rows = [
        row(n, prompt="A mountain", seed=99, created_at=iso(later - n * made_every))
        for n in range(8 * 24 * 60)
    ]
    shop = Shop(rows)
    found, _ = answered(reconcile(OWNER, [lost(1), lost(2, SENT_AT + 10 * MINUTE)], ()), shop)
    assert summary(found) == NOBODYS
    assert len(shop.offsets) == 12


def test_a_list_without_end_is_left() -> None:
    shop = Shop(strangers(2000))
    found, sent = answered(reconcile(OWNER, [lost()], ()), shop)
    assert summary(found) == ({}, (), False)
    assert len(sent) == 1 + MAX_PAGES
    assert found.reason == "GET videos: not read to the end"


class Shrinking(Shop):
    """Somebody deletes a video between two pages."""

    def page(self, offset: int, limit: int) -> HttpResponse:
        if offset:
            del self.rows[0]
        return super().page(offset, limit)


class Deaf(Shop):
    """`offset` means something else, or nothing."""

    def page(self, _offset: int, limit: int) -> HttpResponse:
        return super().page(0, limit)


class Growing(Shop):
    """A video is made between two pages."""

    def page(self, offset: int, limit: int) -> HttpResponse:
        if offset:
            self.rows.insert(0, row(5000 + offset, prompt="A mountain", seed=99))
        return super().page(offset, limit)


@pytest.mark.parametrize(
    ("shop", "whole"),
    [(Shop, True), (Growing, True), (Shrinking, False), (Deaf, False)],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_a_list_that_moves_under_the_reader_proves_no_absence(
    shop: type[Shop], *, whole: bool
) -> None:
    found, sent = answered(reconcile(OWNER, [lost()], ()), shop(strangers(90)))
    assert summary(found) == ({}, (), whole)
    assert len(sent) <= 4


def test_a_list_that_is_not_in_order_proves_no_absence() -> None:
    rows = [row(3, created_at=OLD), row(1)]
    assert summary(search(rows)) == ({"att_1": video(1)}, (), False)


def test_a_page_that_fails_keeps_what_was_found_before_it() -> None:
    rows = [row(1), *strangers(LIST_LIMIT - 1)]
    for answer in (BROKEN, ok({"data": {}}), ok([]), ok({"data": ["?"]})):
        answers = [ok({"executing": []}), ok({"data": rows}), answer]
        found, _ = replay(reconcile(OWNER, [lost()], ()), answers)
        assert summary(found) == ({"att_1": video(1)}, (), False)


@pytest.mark.parametrize(
    ("answer", "asked", "wait"),
    [
        (BROKEN, 2, None),
        (ok([]), 2, None),
        (ok({"executing": None}), 2, None),
        (HttpResponse(status=200, body=b"<html>"), 2, None),
        (HttpResponse(status=596, body=b"{}"), 2, None),
        (HttpResponse(status=401, body=b'{"error": "Unauthorized"}'), 1, None),
        (HttpResponse(status=429, headers={"retry-after": "42"}), 1, 42.0),
    ],
)
def test_a_scheduler_that_fails_is_told_of(
    answer: HttpResponse, asked: int, wait: float | None
) -> None:
    answers = [answer, ok({"data": [row()]})][:asked]
    found, sent = replay(reconcile(OWNER, [lost()], ()), answers)
    assert bool(found.found) is (asked == 2)
    assert (found.whole, found.wait_seconds) == (False, wait)
    assert found.reason.startswith(f"GET scheduler/available: HTTP {answer.status}:")
    assert all(dict(one.headers)["authorization"] == f"Bearer {KEY}" for one in sent)


def test_the_wait_that_one_list_asks_for_holds_for_both() -> None:
    busy = HttpResponse(status=503, headers={"retry-after": "42"})
    for answers in ([busy, BROKEN], [BROKEN, busy]):
        found, _ = replay(reconcile(OWNER, [lost()], ()), answers)
        assert found.wait_seconds == 42.0


def test_a_complaint_is_quoted_without_our_key() -> None:
    for status in (200, 400, 503):
        complaint = HttpResponse(status=status, body=f'{{"error": "bad {KEY}"}}'.encode())
        answers = [complaint] * (1 if status == 400 else 2)
        found, _ = replay(reconcile(OWNER, [lost()], ()), answers)
        assert "bad ***" in found.reason


IDS = [video(1), video(2), video(3), video(1, "b@example.com"), "../x", 5, None, "\0"]
LIKELY = st.sampled_from([*IDS, "att_1", "att_2", "A quiet lake", 7, "v4", NOW, OLD, 0, ""])
ENTRY = objects(
    "video_id", "id", "replyRef", "prompt", "seed", "model", "created_at", likely=LIKELY
) | st.builds(row, st.integers(1, 4))
LISTS = st.fixed_dictionaries(
    {},
    optional={
        "data": st.builds(
            lambda rows, times: rows * times,
            st.lists(ENTRY, max_size=5) | st.lists(json_values(), max_size=3),
            st.sampled_from([1, 1, 12]),
        )
        | json_values(),
        "executing": st.lists(ENTRY | json_values(), max_size=5) | json_values(),
    },
)
ATTEMPTS = st.lists(
    st.builds(
        lost,
        st.integers(1, 3),
        sent_at=st.sampled_from([SENT_AT, SENT_AT + 1]) | st.integers(-(2**63), 2**63),
        prompt=st.sampled_from(["A quiet lake", "A quiet lake", "A mountain", None]),
        seed=st.sampled_from([7, 7, None, 8]),
        inputs=st.sampled_from([{}, {}, {Role.FIRST_FRAME: ("upload/a.png",)}]),
        drawn=st.booleans(),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda one: one.reference,
)
ROWS = st.builds(
    row,
    st.integers(1, 6),
    created_at=st.sampled_from([NOW, NOW, OLD, None]),
    prompt=st.sampled_from(["A quiet lake", "A quiet lake", "A mountain", None]),
    seed=st.sampled_from([7, 7, 8, 0]),
    replyRef=st.sampled_from([None, None, None, "att_1", "att_2", "not-ours"]),
)
RUNNING = st.builds(
    lambda n, reference: {"id": video(n), "replyRef": reference},
    st.integers(1, 6),
    st.sampled_from(["att_1", "att_2", "att_3", "not-ours", ""]),
)
PLAUSIBLE = st.builds(
    lambda rows, running: ok({"data": rows, "executing": running}),
    st.lists(ROWS, max_size=6),
    st.lists(RUNNING, max_size=3),
)
STRANGE = responses(LISTS, st.sampled_from([200, 200, 200, 429, 503]))
ANSWERS = {"plausible": PLAUSIBLE, "strange": STRANGE, "either": PLAUSIBLE | STRANGE}


@pytest.mark.parametrize("answers", ANSWERS.values(), ids=ANSWERS)
@CALM
@given(st.data(), ATTEMPTS, st.sets(st.sampled_from(IDS[:4])))
def test_no_lists_make_a_search_raise_or_give_anything_twice(
    answers: st.SearchStrategy[HttpResponse],
    data: st.DataObject,
    attempts: list[Lost],
    owned: set[str],
) -> None:
    found, sent = answered(reconcile(OWNER, attempts, owned), lambda _: data.draw(answers))
    assert_sound(found, OWNER, attempts, owned, VIDEO_ID.fullmatch)
    assert len(sent) <= 1 + MAX_PAGES
    assert {one.method for one in sent} <= {"GET"}


@CALM
@given(TRUTHS)
def test_a_whole_search_finds_what_was_made_and_misses_what_was_not(
    truth: list[tuple[str, int]],
) -> None:
    attempts = [lost(n, prompt=prompt) for n, (prompt, _) in enumerate(truth)]
    prompts = [prompt for prompt, jobs in truth for _ in range(jobs)]
    found = search([row(n, prompt=prompt) for n, prompt in enumerate(prompts)], *attempts)
    made = {one: {video(n) for n, made in enumerate(prompts) if made == one} for one in PROMPTS}
    assert_given(found, attempts, made)
