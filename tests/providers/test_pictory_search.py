"""Pictory's lists, entry by entry: whose job made which film, and when nobody can tell."""

from collections.abc import Mapping
from typing import Any

import pytest

from providers.contract import HttpResponse, Role, replay
from providers.pictory import reconcile
from providers.pictory.search import MAX_LOOKS
from tests.providers.pictory_lists import (
    DOUBTED,
    EARLY,
    FOUND,
    OLD,
    OWNER,
    SUSPECTED,
    film,
    job,
    link,
    lost,
    search,
    strangers,
)
from tests.providers.search_support import NOBODYS, ok, summary

A, B = "https://a.example/a.png?sig=1", "https://a.example/b.png"


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
