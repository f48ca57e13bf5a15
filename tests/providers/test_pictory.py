import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import pictory
from providers.contract import (
    Accepted,
    Failed,
    Fault,
    Finished,
    Hint,
    HttpRequest,
    HttpResponse,
    Mode,
    Price,
    Refused,
    Role,
    Running,
    Secret,
    Sighting,
    Submission,
    Unclear,
    Unseen,
    VideoSpec,
    replay,
)
from tests.strategies import CALM, account, objects, responses, submissions, wire_bytes

BASE = "https://api.pictory.ai/pictoryapis"
ACCOUNT = account("pictory", key=Secret("pictai_0123456789"), base_url=BASE, email=None)
JOB = "4a09edf9-d071-4847-bda5-8dea913d80fe"
READ = (("authorization", "pictai_0123456789"), ("accept", "application/json"))
WRITE = (*READ, ("content-type", "application/json"))
EXCLUSIVE = {"firstFrameImageUrl", "extendVideoUrl", "referenceImageUrls"}
NAMES = ("success", "data", "jobId", "job_id", "status", "url", "error", "error_code", "message",
         "error_message", "fields", "code", "aiCreditsUsed")  # fmt: skip


def submission(
    prompt: str = "A drone flying over a lush green forest",
    *,
    mode: Mode = Mode.TEXT,
    inputs: Mapping[Role, Sequence[str]] | None = None,
    webhook: str | None = None,
    **spec: Any,
) -> Submission:
    facts: dict[str, Any] = {
        "model": "pixverse5.5",
        "mode": mode,
        "prompt": prompt,
        "seconds": 8,
        "aspect_ratio": "16:9",
    }
    return Submission(
        account=ACCOUNT,
        spec=VideoSpec(**(facts | spec)),
        inputs=inputs or {},
        callback_url=webhook,
        reference="att_1",
    )


def answer(body: object, status: int = 200, **headers: str) -> HttpResponse:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResponse(
        status=status,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        body=content,
    )


def submitted(response: HttpResponse) -> object:
    outcome, sent = replay(pictory.submit(submission()), [response])
    assert len(sent) == 1
    return outcome


def look(response: HttpResponse) -> Sighting:
    seen, sent = replay(pictory.poll(ACCOUNT, [JOB]), [response])
    assert len(sent) == 1
    return seen[JOB]


# --- what is sent -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "body"),
    [
        pytest.param(
            submission("Zoë 👍", model="veo3.1_fast", seconds=4, webhook="https://a.example/token"),
            '{"prompt":"Zoë 👍","model":"veo3.1_fast","aspectRatio":"16:9","duration":"4s",'
            '"webhook":"https://a.example/token"}',
            id="text with a webhook",
        ),
        pytest.param(
            submission("Waves", mode=Mode.FIRST_FRAME, inputs={Role.FIRST_FRAME: ["https://a/f"]}),
            '{"prompt":"Waves","firstFrameImageUrl":"https://a/f","model":"pixverse5.5",'
            '"aspectRatio":"16:9","duration":"8s"}',
            id="first frame",
        ),
        pytest.param(
            submission(
                "Waves",
                mode=Mode.REFERENCE_IMAGES,
                inputs={Role.REFERENCE: ["https://a/3", "https://a/1", "https://a/2"]},
                aspect_ratio="3:4",
            ),
            '{"prompt":"Waves","referenceImageUrls":["https://a/3","https://a/1","https://a/2"],'
            '"model":"pixverse5.5","aspectRatio":"3:4","duration":"8s"}',
            id="three references in the order given",
        ),
        pytest.param(
            submission(
                "Waves",
                mode=Mode.EXTEND_VIDEO,
                inputs={Role.EXTEND: ("https://a/v.mp4",)},
                webhook="https://a.example/token",
            ),
            '{"prompt":"Waves","extendVideoUrl":"https://a/v.mp4","model":"pixverse5.5",'
            '"aspectRatio":"16:9","duration":"8s","webhook":"https://a.example/token"}',
            id="a video to extend, with a webhook",
        ),
        pytest.param(
            submission("Waves", aspect_ratio=None, resolution="720p"),
            '{"prompt":"Waves","model":"pixverse5.5","duration":"8s"}',
            id="what has no field is not sent",
        ),
    ],
)
def test_a_submission_is_one_exact_post(asked: Submission, body: str) -> None:
    _, (sent,) = replay(pictory.submit(asked), [answer({})])
    assert sent == HttpRequest(
        method="POST", url=f"{BASE}/v1/aistudio/videos", headers=WRITE, body=body.encode()
    )


def test_a_look_is_one_exact_get_for_each_job_with_the_raw_key() -> None:
    running = answer({"success": True, "data": {"status": "in-progress"}})
    seen, sent = replay(pictory.poll(ACCOUNT, [JOB, "other-1"]), [running, running])
    assert sent == [
        HttpRequest(method="GET", url=f"{BASE}/v1/jobs/{one}", headers=READ)
        for one in (JOB, "other-1")
    ]
    assert list(seen) == [JOB, "other-1"]


@pytest.mark.parametrize(
    "hostile",
    ["", ".", "..", "a/b", "../quota", "a?b", "a#b", "a%2fb", "a b", "a\nb", "ä", "x" * 201, "-a"],
)
def test_a_hostile_id_is_never_put_into_a_path(hostile: str) -> None:
    seen, sent = replay(pictory.poll(ACCOUNT, [hostile]), [])
    assert sent == []
    assert seen[hostile] == Unseen(reason="its id is none that can be asked for")
    assert pictory.receive(json.dumps({"job_id": hostile}).encode()) == Hint()


# --- what a submission comes to ---------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"success": True, "data": {"jobId": JOB}},
        {"success": True, "data": {"jobId": JOB, "extra": [1]}, "more": None},
        {"data": {"jobId": JOB}},
        {"success": True, "job_id": JOB},
    ],
    ids=["documented", "with unknown fields", "without success", "the id elsewhere"],
)
def test_a_200_with_an_id_is_accepted_under_it(body: object) -> None:
    assert submitted(answer(body)) == Accepted(remote_id=JOB)


@pytest.mark.parametrize(
    "response",
    [
        answer(b"<html><body>ok</body></html>"),
        answer(b'{"success": true, "data": {"jobI'),
        answer(b""),
        answer({"success": True, "data": {}}),
        answer({"success": True, "data": [JOB]}),
        answer({"success": True, "data": {"jobId": "  "}}),
        answer({"success": True, "data": {"jobId": "a\0b"}}),
        answer({"success": True, "data": {"jobId": "a/b"}}),
        answer({"success": False, "data": {"jobId": JOB}}),
        answer({"success": True, "data": {"jobId": JOB}}, 201),
        answer({"success": True, "data": {"jobId": JOB}}, 202),
        answer({"success": True, "data": {"jobId": JOB}}, 400),
        answer({"message": "Unauthorized", "jobId": JOB}, 401),
        answer({"success": True, "data": {"jobId": JOB}}, 429),
        answer({"jobId": JOB}, 403),
        answer({}, 400),
        answer({"unknown": 1}, 401),
        answer(b"<html>Bad Request</html>", 400),
        answer(b"", 302),
        answer({"message": "Request Timeout"}, 408),
        answer({"message": "Internal server error"}, 500),
        answer(b"<html>Bad Gateway</html>", 502),
        answer({"message": "Service Unavailable"}, 503),
        answer({"message": "Endpoint request timed out"}, 504),
        answer({"message": "odd"}, 418),
    ],
    ids=lambda response: f"{response.status} {response.body[:44].decode()!r}",
)
def test_whatever_else_comes_back_leaves_the_outcome_unclear(response: HttpResponse) -> None:
    outcome = submitted(response)
    assert isinstance(outcome, Unclear)
    assert outcome.status == response.status
    assert outcome.evidence.startswith(f"HTTP {response.status}: ")


def test_the_evidence_is_what_was_answered_but_never_our_own_key() -> None:
    said = f"<p>\n'{ACCOUNT.key.reveal()}' not a valid key=value pair\0</p>".encode()
    outcome = submitted(answer(said, 500))
    assert outcome == Unclear(
        evidence="HTTP 500: <p> '***' not a valid key=value pair\ufffd</p>", status=500
    )
    refused = submitted(answer(said, 403))
    assert isinstance(refused, Refused)
    assert "pictai" not in refused.words
    assert "pictai" not in str(look(answer(said, 403)))


# --- what a look tells ------------------------------------------------------------


def job(status: object = None, *, success: object = True, **data: Any) -> dict[str, Any]:
    return {"job_id": JOB, "success": success, "data": {"status": status, **data}}


LINK = "https://cdn.example.com/out.mp4"
NO_END = "HTTP 200 without success, and without an end of the job"


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (job("in-progress"), Running(word="in-progress")),
        (job("in-progress", success=False), Running(word="in-progress")),
        (job("IN-PROGRESS", success=False), Running(word="in-progress")),
        (job("queued"), Running(word="queued")),
        (
            job("queued", success=False),
            Unseen(reason=f"{NO_END}: no reason given"),
        ),
        (
            job("queued", success=False, error_code="TEXT_TO_VIDEO_FAILED"),
            Failed(fault=Fault.GENERATION_FAILED, words="TEXT_TO_VIDEO_FAILED: no reason given"),
        ),
        (job("completed", success=False, url=LINK), Finished(url=LINK)),
        (job("something new"), Running(word="something new")),
        (job(7), Running(word="7")),
        (
            job("completed", url=LINK, duration="8s", width=720, aiCreditsUsed=12.8),
            Finished(url=LINK, cost=Price(amount=128, unit="pictory_credit_tenths")),
        ),
        (
            job("COMPLETED", url=LINK, aiCreditsUsed=8),
            Finished(url=LINK, cost=Price(amount=80, unit="pictory_credit_tenths")),
        ),
        (
            job("completed", url=LINK, aiCreditsUsed=0),
            Finished(url=LINK, cost=Price(amount=0, unit="pictory_credit_tenths")),
        ),
        (job("completed", url=LINK), Finished(url=LINK)),
        (job("completed", url=LINK, aiCreditsUsed="12.8"), Finished(url=LINK)),
        (job("completed", url=LINK, aiCreditsUsed=True), Finished(url=LINK)),
        (job("completed", url=LINK, aiCreditsUsed=-1), Finished(url=LINK)),
        (
            job("completed", url=LINK, aiCreditsUsed=1_000_000),
            Finished(url=LINK, cost=Price(amount=10_000_000, unit="pictory_credit_tenths")),
        ),
        (job("completed", url=LINK, aiCreditsUsed=1_000_001), Finished(url=LINK)),
        (job("x" * 101), Running(word="x" * 99 + "…")),
        (b"x" * 121, Unseen(reason="HTTP 200: " + "x" * 119 + "…")),
        (job("completed", url=LINK, aiCreditsUsed=1e308), Finished(url=LINK)),
        (job("completed", url=LINK, aiCreditsUsed=10**400), Finished(url=LINK)),
        (job("completed"), Unseen(reason="completed, but without a url")),
        (job("completed", url=""), Unseen(reason="completed, but without a url")),
        (job("completed", url=[LINK]), Unseen(reason="completed, but without a url")),
        (
            job("cleaned"),
            Failed(fault=Fault.RESULT_GONE, words="the job's data was deleted at Pictory"),
        ),
        (
            job(
                "failed",
                success=False,
                error_code="AI_VIDEO_GENERATION_FAILED",
                error_message="The reference image could not be read",
            ),
            Failed(
                fault=Fault.GENERATION_FAILED,
                words="AI_VIDEO_GENERATION_FAILED: The reference image could not be read",
            ),
        ),
        (
            job("failed", success=False, error_code="INSUFFICIENT_CREDITS"),
            Failed(fault=Fault.NO_CREDITS, words="INSUFFICIENT_CREDITS: no reason given"),
        ),
        (job("failed"), Failed(fault=Fault.GENERATION_FAILED, words="no reason given")),
        (
            {"success": False, "error_code": "X", "error_message": "Renderer gave up"},
            Failed(fault=Fault.GENERATION_FAILED, words="X: Renderer gave up"),
        ),
        (
            {
                "success": False,
                "data": {"status": "failed"},
                "error": {"code": 4001, "message": "Renderer gave up"},
            },
            Failed(fault=Fault.GENERATION_FAILED, words="4001: Renderer gave up"),
        ),
        (
            {"success": False, "error": {"code": 4001, "message": "Renderer gave up"}},
            Unseen(reason=f"{NO_END}: 4001: Renderer gave up"),
        ),
        (
            {"success": False, "data": {"status": "failed"}, "error": {"message": "No luck"}},
            Failed(fault=Fault.GENERATION_FAILED, words="No luck"),
        ),
        (
            {"success": False, "message": "Internal server error"},
            Unseen(reason=f"{NO_END}: Internal server error"),
        ),
        (
            {"success": False, "code": "TOO_MANY_REQUESTS", "message": "Too many requests"},
            Unseen(reason=f"{NO_END}: TOO_MANY_REQUESTS: Too many requests"),
        ),
        (
            {"success": False, "data": {"error_code": "5000", "error_message": "JOB_NOT_FOUND"}},
            Unseen(reason="Pictory does not know this job"),
        ),
        (
            {"success": False, "message": "JOB_NOT_FOUND"},
            Unseen(reason="Pictory does not know this job"),
        ),
        ({"success": True, "data": {}}, Unseen(reason="HTTP 200 without a status")),
        ({}, Unseen(reason="HTTP 200 without a status")),
        (["completed"], Unseen(reason='HTTP 200: ["completed"]')),
        (b"<html>", Unseen(reason="HTTP 200: <html>")),
    ],
)
def test_each_answer_about_a_job_is_seen_for_what_it_is(body: object, seen: Sighting) -> None:
    assert look(answer(body)) == seen


@pytest.mark.parametrize("status", [302, 400, 401, 403, 408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize(
    "body",
    [job("failed", success=False), job("completed", url=LINK), b"<html>"],
    ids=["failed", "completed", "html"],
)
def test_no_error_status_ends_a_job(status: int, body: object) -> None:
    assert isinstance(look(answer(body, status)), Unseen)


@pytest.mark.parametrize(
    "body",
    [
        {"message": "Not Found"},
        {"success": False, "message": "no such thing"},
        {"success": False, "data": {"error_code": "5000", "error_message": "JOB_NOT_FOUND"}},
    ],
    ids=["plain", "without success", "unknown job"],
)
def test_a_job_that_is_not_found_is_looked_for_again(body: object) -> None:
    assert isinstance(look(answer(body, 404)), Unseen)


def test_what_a_look_quotes_is_without_our_key_but_a_link_is_left_as_it_is() -> None:
    key = ACCOUNT.key.reveal()
    assert look(answer(job("failed", error_message=f"bad {key}"))) == Failed(
        fault=Fault.GENERATION_FAILED, words="bad ***"
    )
    assert look(answer(f"<p>{key}".encode())) == Unseen(reason="HTTP 200: <p>***")
    link = f"{LINK}?for={key}"
    assert look(answer(job("completed", url=link))) == Finished(url=link)


# --- callbacks --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "job_id"),
    [
        (job("completed", url=LINK), JOB),
        ({"jobId": JOB}, JOB),
        ({"data": {"jobId": JOB}}, JOB),
        ({"data": {"job_id": JOB, "status": "completed"}}, JOB),
        ({"job_id": "", "data": {"jobId": JOB}}, JOB),
        ({"data": [JOB]}, None),
        ({"job_id": [JOB]}, None),
        ({"job_id": True}, None),
        ([JOB], None),
        (b"", None),
        (b"job_id=1", None),
        (b'{"job_id":"\\ud800"}', None),
        (b"[" * 5000, None),
    ],
)
def test_a_callback_is_read_for_the_id_alone(body: object, job_id: str | None) -> None:
    assert pictory.receive(answer(body).body) == Hint(remote_id=job_id)


# --- whatever comes ---------------------------------------------------------------

ANSWERS = responses(
    objects(
        *NAMES,
        likely=st.just(JOB)
        | st.sampled_from(["completed", "failed", "cleaned", LINK, True, False])
        | objects(*NAMES, likely=st.sampled_from([JOB, LINK, "completed", "failed", 1e308])),
    )
)


@CALM
@given(submissions("pictory"), ANSWERS)
def test_any_answer_to_a_submission_is_an_outcome_and_only_a_200_with_an_id_is_accepted(
    asked: Submission, response: HttpResponse
) -> None:
    outcome, (sent,) = replay(pictory.submit(asked), [response])
    body = json.loads(sent.body)
    assert body["prompt"] == asked.spec.prompt
    assert body.get("firstFrameImageUrl") == asked.input(Role.FIRST_FRAME)
    assert body.get("extendVideoUrl") == asked.input(Role.EXTEND)
    assert body.get("referenceImageUrls", []) == list(asked.inputs.get(Role.REFERENCE, []))
    assert len(body.keys() & EXCLUSIVE) == (asked.spec.mode is not Mode.TEXT)
    match outcome:
        case Accepted(remote_id=found):
            assert response.status == 200
            assert pictory.JOB_ID.fullmatch(found)
            assert found.encode() in response.body or "\\" in found
        case Refused(status=status, words=words):
            assert status == response.status
            assert status in {row.status for row in pictory.REFUSALS}
            assert words
        case Unclear(status=status):
            assert status == response.status


@CALM
@given(ANSWERS)
def test_any_answer_to_a_look_is_a_sighting_and_only_a_200_or_404_ends_a_job(
    response: HttpResponse,
) -> None:
    seen = look(response)
    if not isinstance(seen, Running | Unseen):
        assert response.status in {200, 404}
    if isinstance(seen, Finished):
        assert seen.url


@CALM
@given(wire_bytes(objects(*NAMES, likely=st.just(JOB))))
def test_any_callback_body_is_read_without_trouble(body: bytes) -> None:
    hint = pictory.receive(body)
    assert hint.remote_id is None or pictory.JOB_ID.fullmatch(hint.remote_id)


@CALM
@given(st.lists(st.text(st.characters(), max_size=12), unique=True, max_size=4))
def test_every_id_asked_for_is_in_the_answer_of_a_look(ids: list[str]) -> None:
    askable = [one for one in ids if pictory.JOB_ID.fullmatch(one)]
    seen, sent = replay(pictory.poll(ACCOUNT, ids), [answer({})] * len(askable))
    assert set(seen) == set(ids)
    assert len(sent) == len(askable)
