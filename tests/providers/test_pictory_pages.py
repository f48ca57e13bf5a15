"""Pictory's lists, page by page: what is read, what fails, and whatever else may come."""

from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers._search import MAX_PAGES
from providers.contract import HttpRequest, HttpResponse, Lost, replay
from providers.pictory import JOB_ID, reconcile
from providers.pictory.search import FILMS, JOBS, MAX_LOOKS
from tests.providers.pictory_lists import (
    BROKEN,
    DOUBTED,
    FOUND,
    KEY,
    NOW,
    OLD,
    OWNER,
    film,
    job,
    link,
    lost,
    search,
    strangers,
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


class Shop:
    """Both lists by pages of three, as documented."""

    def __init__(self, films: Sequence[object], jobs: Sequence[object]) -> None:
        self.lists = {FILMS: films, JOBS: jobs}
        self.asked: list[str] = []

    def __call__(self, request: HttpRequest) -> HttpResponse:
        address = urlsplit(request.url)
        path = address.path.removeprefix("/api")
        self.asked.append(path)
        key = parse_qs(address.query).get("nextPageKey", ["+0/=="])[0]
        assert key.startswith("+"), "a key of Base64 must be encoded"
        return self.page(self.lists[path], int(key.strip("+/=")))

    def page(self, entries: Sequence[object], start: int) -> HttpResponse:
        more = f"+{start + 3}/==" if start + 3 < len(entries) else None
        return ok({"items": entries[start : start + 3], "nextPageKey": more})


def test_both_lists_are_read_to_their_ends_where_nothing_is_old() -> None:
    films = [*strangers(range(2, 8)), film(1)]
    shop = Shop(films, [job(n) for n in (7, 6, 5, 4, 3, 2, 1)])
    found, _ = answered(reconcile(OWNER, [lost()], ()), shop)
    assert summary(found) == FOUND
    assert shop.asked == [FILMS] * 3 + [JOBS] * 3


def test_both_lists_are_left_where_their_entries_are_too_old() -> None:
    films = [film(1), *strangers(range(2, 90), createdDate=OLD)]
    old = [job(1), job(2), *(job(n, "in-progress") for n in range(100, 190))]
    shop = Shop(films, old)
    found, _ = answered(reconcile(OWNER, [lost()], ()), shop)
    assert summary(found) == FOUND
    assert shop.asked == [FILMS, JOBS]


def test_lists_without_end_are_left() -> None:
    shop = Shop(strangers(range(2, 90)), [job(n) for n in range(2, 90)])
    found, sent = answered(reconcile(OWNER, [lost()], {f"job-{n}" for n in range(90)}), shop)
    assert summary(found) == ({}, (), False)
    assert len(sent) == 2 * MAX_PAGES
    assert found.reason == f"GET {FILMS}: not read to the end; GET {JOBS}: not read to the end"


class Circle(Shop):
    """Every page is followed by the same one."""

    def page(self, entries: Sequence[object], _start: int) -> HttpResponse:
        return ok({"items": entries[:3], "nextPageKey": "+0/=="})


class Keyless(Shop):
    """The key of the next page is none."""

    def page(self, entries: Sequence[object], _start: int) -> HttpResponse:
        return ok({"items": entries[:3], "nextPageKey": {"created_at": NOW}})


@pytest.mark.parametrize("shop", [Circle, Keyless])
def test_pages_that_lead_nowhere_prove_no_absence(shop: type[Shop]) -> None:
    films = strangers(range(2, 9))
    found, sent = answered(reconcile(OWNER, [lost()], ()), shop(films, [job(2)]))
    assert not found.whole
    assert len(sent) <= 4


def test_a_doubted_film_that_no_listed_job_made_leaves_the_search_open() -> None:
    doubted = film(createdDate=DOUBTED[0])
    assert summary(search([doubted], [])) == ({}, (), False)
    assert summary(search([doubted], [job()], owned={"job-1"})) == NOBODYS


def test_films_that_are_not_in_order_prove_no_absence() -> None:
    films = [film(3, createdDate=OLD), film(1)]
    assert summary(search(films, [job(1)])) == ({"att_1": "job-1"}, (), False)


def test_a_film_without_a_link_of_its_own_proves_no_absence() -> None:
    for films in ([film(url=None)], [film(2), film(2)], ["?"]):
        assert not search(films, []).whole


@pytest.mark.parametrize(
    "answer",
    [
        BROKEN,
        ok([]),
        ok({"items": None}),
        HttpResponse(status=200, body=b"<html>"),
        HttpResponse(status=401, body=b'{"message": "Unauthorized"}'),
        HttpResponse(status=429, headers={"retry-after": "42"}),
    ],
)
def test_a_list_that_fails_is_told_of_and_no_more_is_asked(answer: HttpResponse) -> None:
    wait = 42.0 if answer.status == 429 else None
    first, sent = replay(reconcile(OWNER, [lost()], ()), [answer])
    second, _ = replay(reconcile(OWNER, [lost()], ()), [ok({"items": [film()]}), answer])
    for found, page in ((first, FILMS), (second, JOBS)):
        assert summary(found) == ({}, (), False)
        assert found.reason.startswith(f"GET {page}: HTTP {answer.status}:")
        assert found.wait_seconds == wait
    assert [dict(one.headers)["authorization"] for one in sent] == [KEY]


def test_a_complaint_is_quoted_without_our_key() -> None:
    for status in (200, 400, 500):
        complaint = HttpResponse(status=status, body=f'{{"message": "bad {KEY}"}}'.encode())
        found, _ = replay(reconcile(OWNER, [lost()], ()), [complaint])
        assert "bad ***" in found.reason


IDS = ["job-1", "job-2", "../x"]
WORDS = ["A quiet lake", "veo3.1", "8s", "9:16", "completed", "in-progress", "failed"]
LIKELY = st.sampled_from([*IDS, *WORDS, link(1), link(2), NOW, OLD, None, "", "\0", 7])
FILM = st.builds(film, st.integers(1, 4)) | objects(*film(), likely=LIKELY)
DATA = objects("jobId", "job_id", "status", "url", "duration", likely=LIKELY)
JOB = (
    st.builds(job, st.integers(1, 4), st.sampled_from(["completed", "in-progress", "failed"]))
    | st.builds(lambda data: {"data": data}, DATA)
    | objects("data", "job_id", likely=DATA)
)
LISTS = st.fixed_dictionaries(
    {},
    optional={
        "items": st.lists(FILM | JOB, max_size=8) | json_values(),
        "nextPageKey": st.none() | st.text(max_size=3) | json_values(),
        "data": DATA | json_values(),
    },
)
ATTEMPTS = st.lists(
    st.builds(
        lost,
        st.integers(1, 3),
        sent_at=st.sampled_from([SENT_AT, SENT_AT + 1]) | st.integers(-(2**63), 2**63),
        prompt=st.sampled_from(["A quiet lake", "A quiet lake", "A mountain", None]),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda one: one.reference,
)
FILMS_MADE = st.lists(
    st.builds(
        film,
        st.integers(1, 6),
        createdDate=st.sampled_from([NOW, NOW, NOW, OLD]),
        prompt=st.sampled_from(["A quiet lake", "A quiet lake", "A mountain"]),
    ),
    max_size=6,
)
JOBS_MADE = st.lists(
    st.builds(job, st.integers(1, 6), st.sampled_from(["completed"] * 4 + ["failed"])),
    max_size=6,
)
PLAUSIBLE = tuple(
    st.builds(lambda items: ok({"items": items}), made) for made in (FILMS_MADE, JOBS_MADE)
)
STRANGE = responses(LISTS, st.sampled_from([200, 200, 200, 200, 429, 500]))
ANSWERS = {
    "plausible": PLAUSIBLE,
    "strange": (STRANGE, STRANGE),
    "either": (PLAUSIBLE[0] | STRANGE, PLAUSIBLE[1] | STRANGE),
}


@pytest.mark.parametrize("answers", ANSWERS.values(), ids=ANSWERS)
@CALM
@given(st.data(), ATTEMPTS, st.sets(st.sampled_from(["job-1", "job-2", "job-3"])))
def test_no_lists_make_a_search_raise_or_give_anything_twice(
    answers: tuple[st.SearchStrategy[HttpResponse], st.SearchStrategy[HttpResponse]],
    data: st.DataObject,
    attempts: list[Lost],
    owned: set[str],
) -> None:
    films, jobs = answers
    found, sent = answered(
        reconcile(OWNER, attempts, owned),
        lambda request: data.draw(films if FILMS in request.url else jobs),
    )
    assert_sound(found, OWNER, attempts, owned, JOB_ID.fullmatch)
    assert len(sent) <= 2 * MAX_PAGES + MAX_LOOKS
    assert {one.method for one in sent} <= {"GET"}


@CALM
@given(TRUTHS)
def test_a_whole_search_finds_what_was_made_and_misses_what_was_not(
    truth: list[tuple[str, int]],
) -> None:
    attempts = [lost(n, prompt=prompt) for n, (prompt, _) in enumerate(truth)]
    prompts = [prompt for prompt, jobs in truth for _ in range(jobs)]
    found = search(
        [film(n, prompt=prompt) for n, prompt in enumerate(prompts)],
        [job(n) for n in range(len(prompts))],
        *attempts,
    )
    made = {one: {f"job-{n}" for n, made in enumerate(prompts) if made == one} for one in PROMPTS}
    assert_given(found, attempts, made)
