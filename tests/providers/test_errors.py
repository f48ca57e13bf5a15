"""Every row of the error tables: the answer, and the exact outcome it comes to."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from providers import pictory, useapi_pixverse
from providers._refusals import Refusal
from providers.contract import (
    BLAME,
    Adapter,
    Blame,
    Failed,
    Fault,
    HttpResponse,
    Limit,
    Mode,
    Refused,
    Role,
    Scope,
    Secret,
    Submission,
    SubmitOutcome,
    Unclear,
    Unseen,
    UploadOutcome,
    VideoSpec,
    replay,
)
from tests.strategies import account

KEY = "user:1234-do-not-show"
PICTORY = pictory.ADAPTER
USEAPI = useapi_pixverse.ADAPTER
OWNERS = {
    adapter.capabilities.provider: account(adapter.capabilities.provider, key=Secret(KEY))
    for adapter in (PICTORY, USEAPI)
}
JOB = "4a09edf9-d071-4847-bda5-8dea913d80fe"
HTML = f"<html>\n <p>no, '{KEY}'</p></html>"
HTML_WORDS = "<html> <p>no, '***'</p></html>"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to a submission, and everything about the refusal that it is."""

    status: int
    body: object
    fault: Fault
    blame: Blame
    scope: Scope
    words: str
    retry: bool = False
    pause: tuple[float, float] = (10.0, 30.0)
    limit: Limit | None = None

    def response(self, **headers: str) -> HttpResponse:
        return answer(self.body, self.status, **headers)

    def refused(self, **more: Any) -> Refused:
        return Refused(
            fault=self.fault,
            scope=self.scope,
            retry=self.retry,
            words=self.words,
            status=self.status,
            pause=self.pause,
            limit=self.limit,
            **more,
        )


def answer(body: object, status: int = 200, **headers: str) -> HttpResponse:
    content = body if isinstance(body, str) else json.dumps(body)
    heads = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(status=status, headers=heads, body=content.encode())


def submission(adapter: Adapter) -> Submission:
    offer = adapter.capabilities.offers[0]
    return Submission(
        account=OWNERS[adapter.capabilities.provider],
        spec=VideoSpec(model=offer.model, mode=offer.mode, prompt="A lake", seconds=5),
        inputs={Role.FIRST_FRAME: ("upload/a",), Role.LAST_FRAME: ("upload/b",)}
        if offer.mode is Mode.FIRST_LAST_FRAME
        else {},
        callback_url=None,
        reference="att_1",
    )


def submitted(adapter: Adapter, response: HttpResponse) -> SubmitOutcome:
    outcome, _ = replay(adapter.submit(submission(adapter)), [response])
    return outcome


def uploaded(response: HttpResponse) -> UploadOutcome:
    flow = useapi_pixverse.upload(OWNERS["useapi-pixverse"], b"film", "video/mp4")
    outcome, _ = replay(flow, [response])
    return outcome


# --- Pictory: refused submissions -------------------------------------------------

FIELDS = {
    "code": "INVALID_REQUEST_BODY",
    "message": "Request body validation failed",
    "fields": [
        {"name": "referenceImageUrls", "errors": "must not be combined with firstFrameImageUrl"},
        {"name": "duration", "errors": ["must be one of 5s, 8s, 10s", "must be a string", 7]},
        {"errors": None},
        "odd",
    ],
}


def pictory_case(
    status: int, body: object, fault: Fault, blame: Blame, scope: Scope, words: str
) -> Case:
    return Case(
        status=status,
        body=body,
        fault=fault,
        blame=blame,
        scope=scope,
        words=words,
        retry=status == 429,
        pause=(30.0, 300.0) if status == 429 else (10.0, 30.0),
    )


CALLER, OPERATOR, PROVIDER = Blame.CALLER, Blame.OPERATOR, Blame.PROVIDER
PICTORY_CASES = [
    pictory_case(
        400,
        FIELDS,
        Fault.INVALID_REQUEST,
        CALLER,
        Scope.JOB,
        "Request body validation failed"
        " | referenceImageUrls: must not be combined with firstFrameImageUrl"
        " | duration: must be one of 5s, 8s, 10s; must be a string | body:",
    ),
    *(
        pictory_case(400, body, Fault.INVALID_REQUEST, CALLER, Scope.JOB, words)
        for body, words in (
            ({"code": "INVALID_REQUEST"}, "INVALID_REQUEST"),
            ({"fields": {}}, "HTTP 400"),
            ({"fields": [{"name": "model", "errors": "no"}]}, "HTTP 400 | model: no"),
            ({"message": " ", "code": 7}, "7"),
        )
    ),
    *(
        pictory_case(401, body, Fault.UNAUTHORIZED, OPERATOR, Scope.ACCOUNT, words)
        for body, words in (
            ({"message": "Unauthorized"}, "Unauthorized"),
            ({"message": f"bad key {KEY}"}, "bad key ***"),
        )
    ),
    pictory_case(
        402,
        {"message": "Payment Required"},
        Fault.NO_CREDITS,
        OPERATOR,
        Scope.ACCOUNT,
        "Payment Required",
    ),
    *(
        pictory_case(403, body, Fault.BLOCKED, OPERATOR, Scope.PROVIDER, words)
        for body, words in (
            ("error code: 1010", "error code: 1010"),
            (HTML, HTML_WORDS),
            ({"message": "Forbidden"}, "Forbidden"),
            ({}, "{}"),
            ("", "HTTP 403"),
            (" ", "HTTP 403"),
        )
    ),
    *(
        pictory_case(429, body, Fault.THROTTLED, PROVIDER, Scope.ACCOUNT, words)
        for body, words in (
            ({"message": "Too Many Requests"}, "Too Many Requests"),
            (HTML, HTML_WORDS),
            ("x" * 501, "x" * 499 + "…"),
            ("", "HTTP 429"),
        )
    ),
]

# --- useapi.net: refused submissions and uploads ----------------------------------

CREDITS = "All Credits have been used up. Please upgrade your membership or purchase credits."
MODERATED = "Your prompt has triggered our AI moderator, please re-enter your prompt"
BUSY = "Account ops+1@example.com is busy executing 3 tasks."
ALL_BUSY = "All configured accounts are running at maximum capacity."
UPSTREAM_BUSY = "Reached the limit for concurrent generations."
LIMITS = {
    BUSY: Limit.ACCOUNT_JOBS,
    ALL_BUSY: Limit.ALL_ACCOUNTS,
    UPSTREAM_BUSY: Limit.PLAN,
}
ON_HOLD = (
    "Your PixVerse account has pending error. Please address this issue at "
    "https://useapi.net/docs/api-pixverse-v2/post-pixverse-accounts-email before making any new "
    "API calls."
)
NO_SUBSCRIPTION = "Account has no subscription or subscription expired"
OBJECT = {"error": {"ErrCode": 400013, "ErrMsg": "bad", "deep": [[10**400]]}}


def useapi_cases() -> list[Case]:
    rows: list[tuple[int, str, Fault, Blame, Scope]] = [
        (400, "prompt is too long", Fault.INVALID_REQUEST, CALLER, Scope.JOB),
        (400, f"bad token {KEY}", Fault.INVALID_REQUEST, CALLER, Scope.JOB),
        (401, "Unauthorized", Fault.UNAUTHORIZED, OPERATOR, Scope.ACCOUNT),
        (402, NO_SUBSCRIPTION, Fault.NO_SUBSCRIPTION, OPERATOR, Scope.ACCOUNT),
        (404, "Account x is not configured", Fault.UNKNOWN_ACCOUNT, OPERATOR, Scope.ACCOUNT),
        (412, CREDITS, Fault.NO_CREDITS, OPERATOR, Scope.ACCOUNT),
        (422, MODERATED, Fault.MODERATED, CALLER, Scope.JOB),
        (429, BUSY, Fault.THROTTLED, PROVIDER, Scope.ACCOUNT),
        (429, ALL_BUSY, Fault.THROTTLED, PROVIDER, Scope.PROVIDER),
        (429, UPSTREAM_BUSY, Fault.THROTTLED, PROVIDER, Scope.ACCOUNT),
        (429, "something new", Fault.THROTTLED, PROVIDER, Scope.ACCOUNT),
        (596, ON_HOLD, Fault.ON_HOLD, OPERATOR, Scope.ACCOUNT),
        (596, "something new", Fault.ON_HOLD, OPERATOR, Scope.ACCOUNT),
    ]
    plain = [
        Case(
            status=status,
            body={"error": said} | extra,
            fault=fault,
            blame=blame,
            scope=scope,
            words=said.replace(KEY, "***"),
            retry=status == 429,
            limit=LIMITS.get(said),
        )
        for status, said, fault, blame, scope in rows
        for extra in ({}, {"code": status})
    ]
    # The 429 texts are known in any wrapping, and 596 is by its number alone.
    unwrapped = [
        Case(
            status=status,
            body=body,
            fault=fault,
            blame=blame,
            scope=scope,
            words=words,
            retry=status == 429,
            limit=LIMITS.get(words.strip("{}")),
        )
        for status, body, fault, blame, scope, words in (
            (429, f"{{{BUSY}}}", Fault.THROTTLED, PROVIDER, Scope.ACCOUNT, f"{{{BUSY}}}"),
            (429, ALL_BUSY, Fault.THROTTLED, PROVIDER, Scope.PROVIDER, ALL_BUSY),
            (429, UPSTREAM_BUSY, Fault.THROTTLED, PROVIDER, Scope.ACCOUNT, UPSTREAM_BUSY),
            (596, HTML, Fault.ON_HOLD, OPERATOR, Scope.ACCOUNT, HTML_WORDS),
            (596, "", Fault.ON_HOLD, OPERATOR, Scope.ACCOUNT, "HTTP 596"),
            (596, {"message": "x"}, Fault.ON_HOLD, OPERATOR, Scope.ACCOUNT, '{"message": "x"}'),
            (400, {"error": ""}, Fault.INVALID_REQUEST, CALLER, Scope.JOB, "HTTP 400"),
            (
                400,
                OBJECT,
                Fault.INVALID_REQUEST,
                CALLER,
                Scope.JOB,
                json.dumps(OBJECT),
            ),
        )
    ]
    return plain + unwrapped


USEAPI_CASES = useapi_cases()


def name(case: Case) -> str:
    said = str(case.body)
    return f"{case.status} {said[:40]!r} … {said[-16:]!r}"


def check(case: Case, ask: Callable[[HttpResponse], object]) -> None:
    assert ask(case.response()) == case.refused()
    assert ask(case.response(retry_after="42")) == case.refused(wait_seconds=42.0)
    dates = {
        "retry_after": "Fri, 20 Nov 2026 10:01:30 GMT",
        "date": "Fri, 20 Nov 2026 10:00:00 GMT",
    }
    assert ask(case.response(**dates)) == case.refused(wait_seconds=90.0)
    assert ask(case.response(retry_after="soon")) == case.refused()
    assert BLAME[case.fault] is case.blame
    assert KEY not in str(ask(case.response()))


@pytest.mark.parametrize("case", PICTORY_CASES, ids=name)
def test_pictorys_refusals_are_known_with_all_they_say(case: Case) -> None:
    check(case, lambda response: submitted(PICTORY, response))


@pytest.mark.parametrize("case", USEAPI_CASES, ids=name)
def test_useapis_refusals_are_known_with_all_they_say(case: Case) -> None:
    check(case, lambda response: submitted(USEAPI, response))
    check(case, uploaded)


@pytest.mark.parametrize(
    ("adapter", "table", "module", "cases"),
    [
        (PICTORY, pictory.REFUSALS, "pictory.flows", PICTORY_CASES),
        (USEAPI, useapi_pixverse.REFUSALS, "useapi_pixverse.errors", USEAPI_CASES),
    ],
    ids=["pictory", "useapi"],
)
def test_without_any_row_of_its_table_an_answer_would_mean_something_else(
    adapter: Adapter,
    table: Sequence[Refusal],
    module: str,
    cases: Sequence[Case],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for row in table:
        assert row.source
        rest = tuple(one for one in table if one is not row)
        monkeypatch.setattr(f"providers.{module}.REFUSALS", rest)
        assert any(submitted(adapter, case.response()) != case.refused() for case in cases), row


@pytest.mark.parametrize("adapter", [PICTORY, USEAPI], ids=["pictory", "useapi"])
@pytest.mark.parametrize("status", [200, 201, 302, 408, 409, 418, 500, 502, 503, 504, 520, 599])
@pytest.mark.parametrize(
    "body",
    [HTML, "", {"error": BUSY, "message": BUSY, "code": "x"}, f"{{{ALL_BUSY}}}"],
    ids=["html", "empty", "the provider's own form", "words of a refusal"],
)
def test_a_status_without_a_row_is_unclear_whatever_it_says(
    adapter: Adapter, status: int, body: object
) -> None:
    outcome = submitted(adapter, answer(body, status))
    assert isinstance(outcome, Unclear)
    assert outcome.status == status
    assert outcome.evidence.startswith(f"HTTP {status}: ")
    assert KEY not in outcome.evidence


@pytest.mark.parametrize(
    ("adapter", "status"),
    [
        *((PICTORY, status) for status in (400, 401, 402, 404, 412, 422, 596)),
        *((USEAPI, status) for status in (400, 401, 402, 403, 404, 412, 422, 429)),
    ],
    ids=lambda value: value if isinstance(value, int) else value.capabilities.provider,
)
def test_a_status_alone_is_no_refusal_where_the_provider_has_words_for_it(
    adapter: Adapter, status: int
) -> None:
    for body in (HTML, "", {}, {"odd": 1}, ["error"]):
        assert isinstance(submitted(adapter, answer(body, status)), Unclear)


@pytest.mark.parametrize("adapter", [PICTORY, USEAPI], ids=["pictory", "useapi"])
def test_an_answer_that_names_a_job_is_no_refusal_whatever_its_status(adapter: Adapter) -> None:
    body = {"jobId": JOB, "video_id": JOB, "message": "x", "error": BUSY}
    for status in (400, 401, 402, 403, 404, 412, 422, 429, 596):
        outcome = submitted(adapter, answer(body, status))
        assert isinstance(outcome, Unclear)
        assert JOB in outcome.evidence


@pytest.mark.parametrize(
    ("adapter", "name", "known"),
    [
        (PICTORY, "jobId", JOB),
        (PICTORY, "jobId", "../quota"),
        (USEAPI, "video_id", "user:1-pixverse:ops@example.com-video:7"),
        (USEAPI, "video_id", "user:1-pixverse:ops@example.com-video:../7"),
    ],
)
def test_the_id_in_an_odd_answer_is_kept_where_it_can_be_asked_for(
    adapter: Adapter, name: str, known: str
) -> None:
    for status in (201, 202, 429, 500):
        outcome = submitted(adapter, answer({name: known}, status))
        assert isinstance(outcome, Unclear)
        assert outcome.remote_id == (None if ".." in known else known)


# --- Pictory: failed jobs ---------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "message", "fault", "blame"),
    [
        ("INSUFFICIENT_CREDITS", "top up", Fault.NO_CREDITS, OPERATOR),
        ("INSUFFICIENT_CREDITS", "the moderator says so", Fault.NO_CREDITS, OPERATOR),
        ("TEXT_TO_VIDEO_FAILED", "no luck", Fault.GENERATION_FAILED, PROVIDER),
        ("AI_VIDEO_INPUT_UNREADABLE", "no picture", Fault.INVALID_INPUT, CALLER),
        ("AI_VIDEO_GENERATION_FAILED", "unreadable", Fault.GENERATION_FAILED, PROVIDER),
        ("AI_VIDEO_CONTENT_MODERATED", "no", Fault.MODERATED, CALLER),
        ("MODERATION", "no", Fault.MODERATED, CALLER),
        ("X", "Rejected by the content moderator.", Fault.MODERATED, CALLER),
        ("X", "This violates our Content Policy", Fault.MODERATED, CALLER),
        ("CONTENT_POLICY", "no", Fault.MODERATED, CALLER),
        ("CONTENT-POLICY", "no", Fault.MODERATED, CALLER),
        (None, "moderated", Fault.MODERATED, CALLER),
        ("X", "moderate motion is not possible", Fault.GENERATION_FAILED, PROVIDER),
        ("X", "unmoderated", Fault.GENERATION_FAILED, PROVIDER),
        ("X", "policy", Fault.GENERATION_FAILED, PROVIDER),
        (4001, "no", Fault.GENERATION_FAILED, PROVIDER),
    ],
)
@pytest.mark.parametrize("place", ["data", "error", "top"])
def test_a_failed_job_of_pictory_is_blamed_on_the_right_one(
    code: object, message: str, fault: Fault, blame: Blame, place: str
) -> None:
    names = ("code", "message") if place == "error" else ("error_code", "error_message")
    why = {key: value for key, value in zip(names, (code, message), strict=True) if value}
    body: dict[str, Any] = {"success": False, "data": {"status": "failed"}}
    body |= why if place == "top" else {place: body.get(place, {}) | why}
    seen = pictory.sighting(answer(body))
    assert seen == Failed(fault=fault, words=f"{code}: {message}" if code else message)
    assert BLAME[fault] is blame


def test_every_code_of_a_failed_job_is_tried_above() -> None:
    assert set(pictory.FAILURES) == {
        "INSUFFICIENT_CREDITS",
        "TEXT_TO_VIDEO_FAILED",
        "AI_VIDEO_INPUT_UNREADABLE",
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"success": False, "data": {"error_message": "JOB_NOT_FOUND"}}, 200),
        ({"success": False, "data": {"error_code": "JOB_NOT_FOUND"}}, 200),
        ({"success": True, "data": {"status": "completed"}}, 200),
        ({"success": True, "data": {}}, 200),
        ({"success": False, "message": "Too many requests"}, 200),
        ("<html>", 200),
        ({"message": "slow down"}, 429),
    ],
)
def test_a_look_at_pictory_that_tells_nothing_keeps_the_wait_that_was_asked_for(
    body: object, status: int
) -> None:
    for asked, wait in ((None, None), ("42", 42.0)):
        headers = {"retry_after": asked} if asked else {}
        seen = pictory.sighting(answer(body, status, **headers))
        assert isinstance(seen, Unseen)
        assert seen.wait_seconds == wait


def test_a_video_of_useapi_that_is_not_found_keeps_the_wait_that_was_asked_for() -> None:
    one = "user:1-pixverse:a@b.c-video:1"
    answers = [answer({"data": []}), answer({"error": "no"}, 404, retry_after="42")]
    seen, _ = replay(USEAPI.poll(OWNERS["useapi-pixverse"], [one]), answers)
    assert seen == {one: Unseen(reason="not listed yet", wait_seconds=42.0)}
