"""Pictory's lists, entry by entry: whose job made which film, and when nobody can tell."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers._search import MAX_PAGES
from providers.contract import (
    HttpRequest,
    HttpResponse,
    Lost,
    Mode,
    Role,
    Search,
    Secret,
    VideoSpec,
    replay,
)
from providers.pictory import JOB_ID, reconcile
from providers.pictory.search import FILMS, JOBS, MAX_LOOKS
from tests.providers.search_support import SENT_AT, answered, assert_sound, ok
from tests.strategies import CALM, account, json_values, objects, responses

KEY = "pictai_do-not-show-me"
OWNER = account("pictory", key=Secret(KEY), email=None)
NOW, EARLY = "2026-01-01T00:00:00.000Z", "2025-12-31T23:59:00.000Z"
DOUBTED = ("2025-12-31T23:58:59.999Z", "2025-12-31T23:39:00.000Z")
OLD = "2025-12-31T23:38:59.999Z"
SPEC = VideoSpec(
    model="veo3.1", mode=Mode.TEXT, prompt="A quiet lake", seconds=8, aspect_ratio="9:16"
)
BROKEN = HttpResponse(status=500, body=b'{"message": "later"}')
A, B = "https://a.example/a.png?sig=1", "https://a.example/b.png"


def lost(n: int = 1, sent_at: int = SENT_AT, **changes: Any) -> Lost:
    inputs = changes.pop("inputs", {})
    spec = msgspec.structs.replace(SPEC, **changes)
    return Lost(reference=f"att_{n}", spec=spec, inputs=inputs, sent_at=sent_at)


def told(**facts: Any) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


def film(n: int = 1, **changes: Any) -> dict[str, Any]:
    facts = {
        "url": link(n),
        "id": f"2026{n:029}",
        "prompt": "A quiet lake",
        "aspectRatio": "9:16",
        "createdDate": NOW,
        "model": "veo3.1",
        "duration": "8s",
    }
    return told(**facts | changes)


def link(n: int) -> str:
    return f"https://cdn.example/{n}.mp4"


def job(n: int = 1, status: str = "completed", **data: Any) -> dict[str, Any]:
    if status == "completed" and not data:
        data = {"url": link(n), "duration": "8s"}
    return {"success": True, "data": told(jobId=f"job-{n}", status=status, **data)}


def search(
    films: Sequence[object],
    jobs: Sequence[object],
    *attempts: Lost,
    owned: Collection[str] = (),
    looks: Sequence[HttpResponse] = (),
) -> Search:
    answers = [ok({"items": films}), ok({"items": jobs}), *looks]
    found, _ = replay(reconcile(OWNER, attempts or (lost(),), owned), answers)
    return found


def summary(found: Search) -> tuple[dict[str, str], tuple[str, ...], bool]:
    return {one.reference: one.remote_id for one in found.found}, found.suspects, found.whole


FOUND: Any = ({"att_1": "job-1"}, (), True)
SUSPECTED: Any = ({}, ("job-1",), True)
NOBODYS: Any = ({}, (), True)


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({}, FOUND),
        ({"prompt": " A quiet\tlake "}, FOUND),
        ({"createdDate": EARLY}, FOUND),
        ({"createdDate": "2026-01-01T09:00:00+09:00"}, FOUND),
        ({"firstFrameImageUrl": None, "referenceImageUrls": []}, FOUND),
        ({"createdDate": DOUBTED[0]}, SUSPECTED),
        ({"createdDate": DOUBTED[1]}, SUSPECTED),
        ({"createdDate": DOUBTED[0], "prompt": "A loud lake"}, NOBODYS),
        ({"createdDate": OLD}, NOBODYS),
        ({"prompt": "A loud lake"}, NOBODYS),
        ({"createdDate": None}, SUSPECTED),
        ({"createdDate": "today"}, SUSPECTED),
        ({"prompt": None}, SUSPECTED),
        ({"model": "veo3.1_fast"}, SUSPECTED),
        ({"model": None}, SUSPECTED),
        ({"duration": "6s"}, SUSPECTED),
        ({"duration": 8}, SUSPECTED),
        ({"aspectRatio": "16:9"}, SUSPECTED),
        ({"firstFrameImageUrl": A}, SUSPECTED),
        ({"referenceImageUrls": [A]}, SUSPECTED),
        ({"extendVideoUrl": A}, SUSPECTED),
    ],
)
def test_a_film_is_an_attempts_a_suspect_or_nobodys(
    change: Mapping[str, Any], outcome: object
) -> None:
    assert summary(search([film(**change)], [job()])) == outcome


@pytest.mark.parametrize(
    ("inputs", "shown", "same"),
    [
        ({Role.FIRST_FRAME: (A,)}, {"firstFrameImageUrl": A}, True),
        ({Role.FIRST_FRAME: (A,)}, {"firstFrameImageUrl": B}, False),
        ({Role.FIRST_FRAME: (A,)}, {}, False),
        ({Role.EXTEND: (B,)}, {"extendVideoUrl": B}, True),
        ({Role.EXTEND: (B,)}, {"firstFrameImageUrl": B}, False),
        ({Role.REFERENCE: [A, B]}, {"referenceImageUrls": [A, B]}, True),
        ({Role.REFERENCE: (A, B)}, {"referenceImageUrls": [B, A]}, False),
        ({Role.REFERENCE: (A,)}, {"referenceImageUrls": A}, True),
        ({Role.REFERENCE: (A,)}, {"referenceImageUrls": {A: A}}, False),
    ],
)
def test_a_films_inputs_are_the_addresses_as_they_were_sent(
    inputs: Any, shown: Mapping[str, Any], *, same: bool
) -> None:
    found = search([film(**shown)], [job()], lost(inputs=inputs))
    assert summary(found) == (FOUND if same else SUSPECTED)


@pytest.mark.parametrize(
    ("entry", "outcome"),
    [
        (job(1, "in-progress"), SUSPECTED),
        (job(1, "failed", error_code="TEXT_TO_VIDEO_FAILED"), SUSPECTED),
        (job(1, "cleaned"), SUSPECTED),
        (job(1, "rendering-soon"), SUSPECTED),
        (job(1, url=link(2), duration="8s"), SUSPECTED),
        (job(1, url="https://cdn.example/a.png", width=512), NOBODYS),
        (job(1, transcript=[{"uid": "x"}]), NOBODYS),
        (job(1, videoURL=link(2), videoDuration=8), NOBODYS),
        ({"success": True, "job_id": "job-1", "data": {"status": "in-progress"}}, SUSPECTED),
        ({"data": {"jobId": "../x", "status": "in-progress"}}, ({}, ("../x",), True)),
        ({"success": True, "data": {"status": "in-progress"}}, ({}, (), False)),
        ({"success": True}, ({}, (), False)),
        ("job-1", ({}, (), False)),
    ],
)  # fmt: skip
def test_a_job_that_no_film_tells_of_is_suspected_unless_it_is_of_another_kind(
    entry: object, outcome: object
) -> None:
    assert summary(search([], [entry])) == outcome
    known = [job(1, "in-progress"), job(1, "failed"), job(1, "cleaned")]
    assert summary(search([], known, owned={"job-1"})) == NOBODYS


def test_a_link_may_be_signed_anew_each_time() -> None:
    signed = job(1, url=f"{link(1)}?Signature=x", duration="8s")
    assert summary(search([film(url=f"{link(1)}?Signature=y")], [signed])) == FOUND


def test_a_job_whose_id_cannot_be_asked_for_is_only_suspected() -> None:
    strange = {"data": {"jobId": "a/b", "status": "completed", "url": link(1), "duration": "8s"}}
    assert summary(search([film()], [strange])) == ({}, ("a/b",), True)


def test_two_jobs_with_one_film_are_both_suspected() -> None:
    twin = job(2, url=link(1), duration="8s")
    assert summary(search([film()], [job(), twin])) == ({}, ("job-1", "job-2"), True)
    assert summary(search([film()], [job(), twin], owned={"job-2"})) == SUSPECTED


def test_a_film_that_no_listed_job_made_leaves_the_search_open() -> None:
    found = search([film()], [])
    assert summary(found) == ({}, (), False)
    assert film()["id"] in found.reason
    assert summary(search([film(prompt="Somebody's mountain")], [])) == NOBODYS
    assert summary(search([film()], [job()], owned={"job-1"})) == NOBODYS


def test_a_film_too_many_is_told_of_as_a_double() -> None:
    found = search([film(1), film(2)], [job(2), job(1)])
    assert summary(found) == FOUND
    assert [(one.reference, one.remote_id) for one in found.doubles] == [("att_1", "job-2")]


def test_nothing_lost_is_nothing_asked() -> None:
    found, sent = replay(reconcile(OWNER, [], ()), [])
    assert (found.whole, sent) == (True, [])


# --- lists that tell states only --------------------------------------------------


def test_a_done_job_whose_list_tells_its_state_only_is_looked_at_alone() -> None:
    bare = {"success": True, "data": {"jobId": "job-1", "status": "completed"}}
    alone = ok({"job_id": "job-1", "success": True, "data": job(1)["data"]})
    assert summary(search([film()], [bare], looks=[alone])) == FOUND
    other = ok({"job_id": "job-1", "success": True, "data": {"status": "completed", "text": "x"}})
    assert summary(search([], [bare], looks=[other])) == NOBODYS
    assert summary(search([], [bare], looks=[ok({"job_id": "job-1"})])) == ({}, ("job-1",), False)
    busy = HttpResponse(status=429, headers={"retry-after": "42"})
    throttled = search([], [bare, bare], looks=[busy])
    assert (summary(throttled), throttled.wait_seconds) == (({}, ("job-1",), False), 42.0)
    assert summary(search([], [bare], owned={"job-1"})) == NOBODYS


def test_looking_alone_ends_with_the_first_job_of_an_old_film_and_is_bounded() -> None:
    bare = [
        {"success": True, "data": {"jobId": f"job-{n}", "status": "completed"}}
        for n in range(1, 40)
    ]
    alone = [ok({"data": job(n)["data"]}) for n in range(1, 40)]
    films = [film(1), film(2, createdDate=OLD)]
    assert summary(search(films, bare, looks=alone[:2])) == FOUND
    assert summary(search([film(1)], bare, looks=alone[:MAX_LOOKS])) == FOUND
    _, suspects, _ = summary(search(strangers(range(1, 40)), bare, looks=alone[:MAX_LOOKS]))
    assert suspects == tuple(sorted(f"job-{n}" for n in range(MAX_LOOKS + 1, 40)))


# --- pages ------------------------------------------------------------------------


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


def strangers(numbers: range, **changes: Any) -> list[dict[str, Any]]:
    return [film(n, prompt="A mountain", **changes) for n in numbers]


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


# --- whatever comes ---------------------------------------------------------------

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


PROMPTS = ("A quiet lake", "A mountain")
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
@given(st.lists(st.tuples(st.sampled_from(PROMPTS), st.integers(0, 2)), min_size=1, max_size=6))
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
    assert (found.whole, found.suspects) == (True, ())
    for prompt in PROMPTS:
        ours = {one.reference for one in attempts if one.spec.prompt == prompt}
        made = {f"job-{n}" for n, one in enumerate(prompts) if one == prompt}
        traces = [one for one in found.found if one.reference in ours]
        assert {one.remote_id for one in traces} <= made
        assert len(traces) == min(len(ours), len(made))
        again = {one.remote_id for one in found.doubles if one.reference in ours}
        assert {one.remote_id for one in traces} | again == made
