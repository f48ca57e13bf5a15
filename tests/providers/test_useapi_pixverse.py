import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import useapi_pixverse as useapi
from providers.contract import (
    Accepted,
    Failed,
    Fault,
    Finished,
    Hint,
    HttpRequest,
    HttpResponse,
    Mode,
    Refused,
    Role,
    Running,
    Scope,
    Secret,
    Sighting,
    Submission,
    Unanswered,
    Unclear,
    Unseen,
    Uploaded,
    VideoSpec,
    replay,
)
from tests.strategies import CALM, account, objects, responses, submissions, wire_bytes

BASE = "https://api.useapi.net/v2/pixverse"
TOKEN = "user:1234-abcdefgh"
ACCOUNT = account("useapi-pixverse", key=Secret(TOKEN), base_url=BASE, email="ops+1@example.com")
READ = (("authorization", f"Bearer {TOKEN}"), ("accept", "application/json"))
WRITE = (*READ, ("content-type", "application/json"))
LIST_URL = f"{BASE}/videos/?email=ops%2B1%40example.com&limit=40"
LINK = "https://media.pixverse.ai/done.mp4"
FIRST = "upload/7d16f-eed2-a8f4-cef8-aa44-72807n313.jpeg"
LAST = "upload/e7484a28-6efd-174d-7c02-316ef1a5d.jpeg"
NAMES = ("video_id", "video_status", "video_status_name", "video_status_final", "url", "data",
         "error", "errMsg", "replyRef", "response", "result", "path", "err_msg")  # fmt: skip


def video_id(number: int, email: str = "ops+1@example.com") -> str:
    return f"user:1234-pixverse:{email}-video:{number}"


ONE = video_id(112233445566)


INPUTS = {
    Mode.TEXT: {},
    Mode.FIRST_FRAME: {Role.FIRST_FRAME: [FIRST]},
    Mode.FIRST_LAST_FRAME: {Role.FIRST_FRAME: [FIRST], Role.LAST_FRAME: [LAST]},
    Mode.EXTEND_VIDEO: {Role.EXTEND: ["upload/clip.mp4"]},
}


def submission(mode: Mode = Mode.FIRST_LAST_FRAME, **values: Any) -> Submission:
    spec: dict[str, Any] = {
        "model": "v4" if mode in {Mode.TEXT, Mode.FIRST_FRAME} else "v3.5",
        "mode": mode,
        "prompt": "Optional text prompt",
        "seconds": 8,
    }
    shape = {"aspect_ratio": "9:16", "resolution": "1080p", "motion_mode": "fast", "seed": 654321}
    if mode is not Mode.EXTEND_VIDEO:
        spec |= shape
    return Submission(
        account=ACCOUNT,
        spec=VideoSpec(**(spec | values)),
        inputs=INPUTS[mode],
        callback_url="https://gate.example/callbacks/useapi-pixverse/token",
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
    outcome, sent = replay(useapi.submit(submission()), [response])
    assert len(sent) == 1
    return outcome


def uploaded(response: HttpResponse) -> object:
    outcome, sent = replay(useapi.upload(ACCOUNT, b"picture", "image/png"), [response])
    assert len(sent) == 1
    return outcome


# --- what is sent -----------------------------------------------------------------

FRAMES = f'"first_frame_path":"{FIRST}","last_frame_path":"{LAST}",'
SHAPE = '"duration":8,"quality":"1080p","motion_mode":"fast","aspect_ratio":"9:16",'
TAIL = (
    '"replyUrl":"https://gate.example/callbacks/useapi-pixverse/token",'
    '"replyRef":"att_1","maxJobs":3}'
)
HEAD = '{"email":"ops+1@example.com",'
PROMPT = '"prompt":"Optional text prompt",'


@pytest.mark.parametrize(
    ("asked", "path", "body"),
    [
        pytest.param(
            submission(remove_watermark=True),
            "videos/create-frames-v3",
            HEAD + PROMPT + FRAMES + SHAPE + '"seed":654321,' + TAIL,
            id="create-frames-v3",
        ),
        pytest.param(
            submission(prompt=None, seed=None, motion_mode=None, remove_watermark=False),
            "videos/create-frames-v3",
            HEAD + FRAMES + '"duration":8,"quality":"1080p","aspect_ratio":"9:16",'
            '"remove_watermark":false,' + TAIL,
            id="create-frames-v3 without prompt and seed, with the watermark",
        ),
        pytest.param(
            submission(Mode.FIRST_FRAME, seconds=5, resolution="540p", motion_mode="normal"),
            "videos/create-v4",
            HEAD + PROMPT + f'"first_frame_path":"{FIRST}",'
            '"duration":5,"quality":"540p","motion_mode":"normal","aspect_ratio":"9:16",'
            '"seed":654321,' + TAIL,
            id="create-v4 with a first frame",
        ),
        pytest.param(
            submission(model="v4"),
            "videos/create-v4",
            HEAD + PROMPT + FRAMES + SHAPE + '"seed":654321,' + TAIL,
            id="create-v4 with both frames",
        ),
        pytest.param(
            submission(
                Mode.TEXT,
                negative_prompt="no clouds",
                remove_watermark=False,
                options={
                    "lip_sync_tts_prompt": "Hello",
                    "sound_effect_prompt": "Waves",
                    "template_id": 7,
                    "style": "3d_animation",
                    "email": "is no option",
                },
            ),
            "videos/create-v4",
            HEAD + PROMPT + '"negative_prompt":"no clouds",' + SHAPE + '"style":"3d_animation",'
            '"template_id":7,"sound_effect_prompt":"Waves","lip_sync_tts_prompt":"Hello",'
            '"seed":654321,"remove_watermark":false,' + TAIL,
            id="create-v4 from text, with everything",
        ),
        pytest.param(
            submission(Mode.EXTEND_VIDEO, seconds=5),
            "videos/extend-v3",
            HEAD + PROMPT + '"video_path":"upload/clip.mp4","duration":5,' + TAIL,
            id="extend-v3",
        ),
    ],
)
def test_a_submission_is_one_exact_post(asked: Submission, path: str, body: str) -> None:
    _, (sent,) = replay(useapi.submit(asked), [answer({})])
    assert sent == HttpRequest(
        method="POST", url=f"{BASE}/{path}", headers=WRITE, body=body.encode()
    )


def test_without_a_callback_url_the_reference_is_sent_all_the_same() -> None:
    asked = msgspec.structs.replace(submission(), callback_url=None)
    body = useapi.encode(asked)
    assert "replyUrl" not in body
    assert (body["replyRef"], body["maxJobs"], body["email"]) == ("att_1", 3, ACCOUNT.email)


def test_an_upload_is_the_raw_picture_under_its_own_type_for_the_account() -> None:
    _, (sent,) = replay(useapi.upload(ACCOUNT, b"\xff\xd8\xff", "image/jpeg"), [answer({})])
    assert sent == HttpRequest(
        method="POST",
        url=f"{BASE}/files/?email=ops%2B1%40example.com",
        headers=(*READ, ("content-type", "image/jpeg")),
        body=b"\xff\xd8\xff",
    )


# --- what a submission comes to ---------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [{"video_id": ONE}, {"video_id": ONE, "cost_credits": 45}, {"video_id": ONE, "error": ""}],
    ids=["documented", "with its cost", "with an empty error"],
)
def test_a_200_with_an_id_is_accepted_under_it(body: object) -> None:
    assert submitted(answer(body)) == Accepted(remote_id=ONE)


BUSY = "Account ops+1@example.com is busy executing 3 tasks."


@pytest.mark.parametrize(
    "response",
    [
        answer(b"<html><body>ok</body></html>"),
        answer(b'{"video_id": "user:1234-pixv'),
        answer(b""),
        answer({}),
        answer([ONE]),
        answer({"video_id": None}),
        answer({"video_id": ""}),
        answer({"video_id": [ONE]}),
        answer({"video_id": "user:1\0"}),
        answer({"video_id": 0}),
        answer({"video_id": "112233445566"}),
        answer({"video_id": f"{ONE}/more"}),
        answer({"error": "odd"}),
        answer({"image_id": ONE}),
        answer({"video_id": ONE}, 201),
        answer({"video_id": ONE}, 400),
        answer({"video_id": ONE, "error": "odd"}, 400),
        answer({"video_id": ONE, "error": BUSY}, 429),
        answer({}, 400),
        answer({"error": None}, 400),
        answer({"message": "Forbidden"}, 401),
        answer(b"<html>Too Many Requests</html>", 429),
        answer({"message": "Not Found"}, 404),
        answer(b"<html>Not Found</html>", 404),
        answer({"error": "is busy executing"}, 503),
        answer(b"", 302),
        answer({"error": "timeout"}, 408),
        answer({"error": "Internal Server Error"}, 500),
        answer(b"<html>Bad Gateway</html>", 502),
        answer({"error": "unavailable"}, 503),
        answer({"error": "upstream"}, 504),
        answer({"error": "odd"}, 599),
    ],
    ids=lambda response: f"{response.status} {response.body[:90].decode()!r}",
)
def test_whatever_else_comes_back_leaves_the_outcome_unclear(response: HttpResponse) -> None:
    outcome = submitted(response)
    assert isinstance(outcome, Unclear)
    assert outcome.status == response.status
    assert outcome.evidence.startswith(f"HTTP {response.status}: ")


def test_our_own_key_never_stands_in_the_words_of_an_outcome() -> None:
    for status, body in ((500, f"<p>{TOKEN}</p>".encode()), (400, {"error": f"bad {TOKEN}"})):
        response = answer(body, status)
        for outcome in (submitted(response), uploaded(response)):
            assert TOKEN not in str(outcome)
            assert "***" in str(outcome)
        seen, _ = replay(useapi.poll(ACCOUNT, [ONE]), [response])
        assert TOKEN not in str(seen)


# --- uploads ----------------------------------------------------------------------


def entry(**values: object) -> dict[str, object]:
    return {"id": 123456, "path": "upload/7d16-eed2.jpeg", "err_msg": ""} | values


@pytest.mark.parametrize(
    "body",
    [
        {"result": [entry()]},
        {"result": [entry(err_msg=None), entry(path="upload/other.png")]},
        {"result": [entry(err_msg=0)]},
        {"path": "upload/7d16-eed2.jpeg", "url": "https://media.pixverse.ai/clip.mp4"},
    ],
    ids=["documented", "the first of two", "a number for no error", "without a list"],
)
def test_an_upload_is_known_by_its_path(body: object) -> None:
    assert uploaded(answer(body)) == Uploaded(reference="upload/7d16-eed2.jpeg")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("picture too small", "picture too small"),
        (f"not for {TOKEN}", "not for ***"),
        (7, "7"),
        ({"a": 1}, "the upload was refused"),
    ],
    ids=["text", "our key", "number", "object"],
)
def test_an_upload_with_a_complaint_is_refused_although_the_status_is_200(
    said: object, words: str
) -> None:
    assert uploaded(answer({"result": [entry(err_msg=said)]})) == Refused(
        fault=Fault.INVALID_INPUT, scope=Scope.JOB, retry=False, words=words, status=200
    )


@pytest.mark.parametrize(
    "response",
    [
        answer({"result": []}),
        answer({"result": [entry(path="")]}),
        answer({"result": ["upload/x"]}),
        answer({"result": {"path": "upload/x"}}),
        answer(b"<html>"),
        answer({"result": [entry()]}, 500),
        answer({"result": [entry()]}, 400),
    ],
    ids=lambda response: f"{response.status} {response.body[:90].decode()!r}",
)
def test_an_upload_without_a_path_may_be_tried_again(response: HttpResponse) -> None:
    assert isinstance(uploaded(response), Unclear)


# --- what a look tells ------------------------------------------------------------


def video(name: object = None, code: object = None, final: object = None, **more: Any) -> Any:
    known = {"video_status_name": name, "video_status": code, "video_status_final": final}
    return {key: value for key, value in known.items() if value is not None} | more


GOOD = Finished(url=LINK)
MODERATION = Failed(fault=Fault.MODERATED, words="PixVerse moderated this video")


def failed(words: str) -> Failed:
    return Failed(fault=Fault.GENERATION_FAILED, words=words)


def silent(word: str) -> Failed:
    return failed(f"PixVerse says {word} and gives no reason")


@pytest.mark.parametrize(
    ("row", "seen"),
    [
        (video("COMPLETED", 1, final=True, url=LINK), GOOD),
        (video("completed", url=LINK), GOOD),
        (video("COMPLETED", 10, final=False, url=LINK), GOOD),
        (video(code=1, url=LINK), GOOD),
        (video("RENDERED", 1, final=True, url=LINK), GOOD),
        (video("COMPLETED", 1, final=True), Running(word="COMPLETED without url")),
        (video("COMPLETED", 1, final=True, url=""), Running(word="COMPLETED without url")),
        (video(code=1, final=True), Running(word="1 without url")),
        (video("QUEUED", 5, final=True), Running(word="QUEUED")),
        (video("QUEUED", 5, final=True, url=LINK), Running(word="QUEUED")),
        (video("QUEUED", 1, final=True, url=LINK), Running(word="QUEUED")),
        (video("GENERATING", 10, final=False, url=LINK), Running(word="GENERATING")),
        (video("GENERATING", 9, final=True, url=LINK), Running(word="GENERATING")),
        (video("PROCESSING", 10), Running(word="PROCESSING")),
        (video("UPSCALING", 10, final=True, url=LINK), Running(word="UPSCALING")),
        (video(code=5, final=True), Running(word="5")),
        (video(code=9, final=True), Running(word="9")),
        (video(code=10), Running(word="10")),
        (video("MODERATED", 7, final=True), MODERATION),
        (video("MODERATED", final=False), MODERATION),
        (video(code=7), MODERATION),
        (video("FAILED", 8, final=True), silent("FAILED")),
        (video("FAILED"), silent("FAILED")),
        (video(code=8), silent("8")),
        (video("FAILED", 8, final=False), Running(word="FAILED")),
        (video("FAILED", 5, final=True), Running(word="FAILED")),
        (video("FAILED", 1, final=True, url=LINK), silent("FAILED")),
        (video("MODERATED", 10, final=True), Running(word="MODERATED")),
        (video("MODERATED", 1, final=True, url=LINK), MODERATION),
        (video("COMPLETED", 7, final=True), MODERATION),
        (video("COMPLETED", 8), Running(word="COMPLETED without url")),
        (video("GENERATING", 7, final=True), Running(word="GENERATING")),
        (video("GENERATING"), Running(word="GENERATING")),
        (video("PROCESSING", final=True), Running(word="PROCESSING")),
        (video("FAILED", 8, final=True, errMsg="GPU fell over"), failed("FAILED: GPU fell over")),
        (video("FAILED", 8, final=True, errCode=500044), failed("FAILED: 500044")),
        (video("FAILED", 8, final=True, err_msg="no luck"), failed("FAILED: no luck")),
        (video("FAILED", 8, final=True, error="no luck", errCode=1), failed("FAILED: no luck")),
        (video("X" * 101), Running(word="X" * 99 + "…")),
        (video("DELETED", 99, final=True), silent("DELETED")),
        (video("SOMETHING NEW", 42, final=False, url=LINK), Running(word="SOMETHING NEW")),
        (video("SOMETHING NEW"), Running(word="SOMETHING NEW")),
        (video(code=42), Running(word="42")),
        (video(final=True, url=LINK), Unseen(reason="a video without a status")),
        (video(), Unseen(reason="a video without a status")),
        (video(["COMPLETED"], code=True, url=LINK), Unseen(reason="a video without a status")),
        (video(code=[1]), Unseen(reason="a video without a status")),
        (video(code=10**400, final="true"), Running(word="1" + "0" * 98 + "…")),
        ({"error": "not found"}, Unseen(reason="a video without a status")),
    ],
)
def test_the_order_of_the_tests_decides_what_a_video_object_says(
    row: dict[str, Any], seen: Sighting
) -> None:
    assert useapi.sighting(row) == seen
    listed, _ = replay(useapi.poll(ACCOUNT, [ONE]), [answer({"data": [{"video_id": ONE} | row]})])
    assert listed == {ONE: seen}
    missing = [answer({"data": []}), answer(row)]
    alone, _ = replay(useapi.poll(ACCOUNT, [ONE]), missing)
    assert alone == {ONE: seen}


def test_one_list_call_serves_every_job_that_is_on_it() -> None:
    ids = [video_id(n) for n in range(3)]
    rows = [video("COMPLETED", 1, final=True, url=LINK) | {"video_id": one} for one in ids]
    seen, sent = replay(useapi.poll(ACCOUNT, ids), [answer({"data": rows})])
    assert sent == [HttpRequest(method="GET", url=LIST_URL, headers=READ)]
    assert seen == dict.fromkeys(ids, GOOD)


def test_only_missing_ids_are_asked_for_alone_and_stand_raw_in_the_path() -> None:
    here, gone = video_id(1), video_id(2)
    rows = [video("QUEUED", 5, final=True) | {"video_id": here}, "odd", {"video_id": [here]}, {}]
    seen, sent = replay(
        useapi.poll(ACCOUNT, [here, gone]),
        [answer({"data": rows}), answer(video("COMPLETED", 1, final=True, url=LINK))],
    )
    assert [one.url for one in sent] == [
        LIST_URL,
        f"{BASE}/videos/user:1234-pixverse:ops+1@example.com-video:2",
    ]
    assert sent[1] == HttpRequest(method="GET", url=sent[1].url, headers=READ)
    assert seen == {here: Running(word="QUEUED"), gone: GOOD}


def test_the_list_is_asked_for_as_many_rows_as_there_are_jobs() -> None:
    ids = [video_id(n) for n in range(50)]
    rows = [{"video_id": one} for one in ids]
    _, (sent,) = replay(useapi.poll(ACCOUNT, ids), [answer({"data": rows})])
    assert sent.url.endswith("&limit=50")


def test_an_id_that_is_a_number_in_the_list_is_found_as_well() -> None:
    rows = [video("COMPLETED", url=LINK) | {"video_id": 77}]
    seen, _ = replay(useapi.poll(ACCOUNT, ["77"]), [answer({"data": rows})])
    assert seen == {"77": GOOD}


def test_a_404_for_one_video_means_that_it_is_still_in_the_making() -> None:
    seen, _ = replay(
        useapi.poll(ACCOUNT, [ONE]), [answer({"data": []}), answer({"error": "no"}, 404)]
    )
    assert seen == {ONE: Unseen(reason="not listed yet")}


@pytest.mark.parametrize("status", [302, 400, 401, 404, 408, 429, 500, 502, 503, 596])
def test_a_list_that_fails_tells_nothing_about_any_job(status: int) -> None:
    ids = [video_id(1), video_id(2)]
    rows = [video("FAILED", 8, final=True) | {"video_id": one} for one in ids]
    seen, sent = replay(
        useapi.poll(ACCOUNT, ids), [answer({"data": rows, "error": "x"}, status, retry_after="20")]
    )
    assert len(sent) == 1
    for one in ids:
        sighting = seen[one]
        assert isinstance(sighting, Unseen)
        assert sighting.wait_seconds == 20.0


@pytest.mark.parametrize(
    "body",
    [b"<html>", {"data": {}}, {"data": None}, [], {}],
    ids=["html", "object", "null", "array", "empty"],
)
def test_a_200_that_is_no_list_tells_nothing_either(body: object) -> None:
    seen, _ = replay(useapi.poll(ACCOUNT, [ONE]), [answer(body)])
    assert isinstance(seen[ONE], Unseen)


@pytest.mark.parametrize("status", [401, 429, 500, 596])
def test_after_trouble_with_one_video_the_others_are_not_asked_for(status: int) -> None:
    ids = [video_id(n) for n in range(4)]
    rows = [video("QUEUED") | {"video_id": ids[3]}]
    seen, sent = replay(
        useapi.poll(ACCOUNT, ids),
        [answer({"data": rows}), answer({"error": "slow down"}, status, retry_after="30")],
    )
    assert len(sent) == 2
    trouble = Unseen(
        reason=f'HTTP {status}: {{"error": "slow down"}}',
        wait_seconds=30.0,
    )
    assert seen == dict.fromkeys(ids[:3], trouble) | {ids[3]: Running(word="QUEUED")}


def test_where_one_video_is_not_answered_what_was_seen_counts_and_no_other_is_waited_for() -> None:
    listed, read, hangs, left, alone = (video_id(n) for n in range(5))
    rows = [video("QUEUED") | {"video_id": listed}]
    done = answer(video("COMPLETED", 1, final=True, url=LINK))
    seen, sent = replay(
        useapi.poll(ACCOUNT, [read, hangs, left, listed]),
        [answer({"data": rows}), done, Unanswered("api.useapi.net: it hangs")],
    )
    assert len(sent) == 3
    trouble = Unseen(reason="api.useapi.net: it hangs")
    assert seen == {read: GOOD, hangs: trouble, left: trouble, listed: Running(word="QUEUED")}
    with pytest.raises(Unanswered):
        replay(useapi.poll(ACCOUNT, [alone]), [Unanswered("no list")])


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "..",
        "../accounts",
        "user:1-pixverse:a@b-video:1/../../accounts",
        "user:1-pixverse:a@b-video:1?email=x",
        "user:1-pixverse:a@b-video:1#",
        "user:1-pixverse:a%40b-video:1",
        "user:1-pixverse:a b-video:1",
        "user:1-pixverse:a\\b-video:1",
        "user:1-pixverse:a\x07b-video:1",
        "user:1-pixverse:a@b-video:1\n",
        "user:1-pixverse:a@b-video:\u0661",
        "user:1-pixverse:ä@b-video:1",
        "user:1-pixverse:a@b-image:1",
        f"user:1-pixverse:{'a' * 400}-video:1",
    ],
)
def test_a_hostile_id_is_never_put_into_a_path(hostile: str) -> None:
    seen, sent = replay(useapi.poll(ACCOUNT, [hostile]), [answer({"data": []})])
    assert [one.url for one in sent] == [LIST_URL]
    assert seen[hostile] == Unseen(reason="not listed, and its id is none that can be asked for")
    assert useapi.receive(json.dumps({"video_id": hostile}).encode()) == Hint()


@pytest.mark.parametrize(
    "good",
    [
        "user:1234-pixverse:ops@example.com-video:112233445566",
        "user:1234-pixverse:first.last+tag-x@mail-host.example.com-video:1",
        "user:1234-pixverse:jo***@example.com-video:7",
    ],
)
def test_every_documented_form_of_an_id_can_be_asked_for(good: str) -> None:
    _, sent = replay(useapi.poll(ACCOUNT, [good]), [answer({"data": []}), answer({}, 404)])
    assert sent[1].url == f"{BASE}/videos/{good}"
    assert useapi.receive(json.dumps({"video_id": good}).encode()).remote_id == good


def test_what_a_look_quotes_is_without_our_key_but_a_link_is_left_as_it_is() -> None:
    broken = video("FAILED", 8, final=True, errMsg=f"bad {TOKEN}") | {"video_id": ONE}
    link = f"{LINK}?for={TOKEN}"
    done = video("COMPLETED", 1, final=True, url=link) | {"video_id": ONE}
    none = answer({"data": []})
    for row, seen in ((broken, failed("FAILED: bad ***")), (done, Finished(url=link))):
        assert replay(useapi.poll(ACCOUNT, [ONE]), [answer({"data": [row]})])[0] == {ONE: seen}
        assert replay(useapi.poll(ACCOUNT, [ONE]), [none, answer(row)])[0] == {ONE: seen}
    page = answer(f"<p>{TOKEN}{'x' * 120}".encode())
    trouble = Unseen(reason="HTTP 200: <p>***" + "x" * 113 + "…")
    assert replay(useapi.poll(ACCOUNT, [ONE]), [page])[0] == {ONE: trouble}
    assert replay(useapi.poll(ACCOUNT, [ONE]), [none, page])[0] == {ONE: trouble}


# --- callbacks --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (
            {
                "video_id": ONE,
                "video_status": 1,
                "video_status_name": "COMPLETED",
                "video_status_final": True,
                "url": LINK,
                "replyUrl": "https://hooks.example.com/p",
                "replyRef": "att_1",
            },
            Hint(remote_id=ONE, reference="att_1"),
        ),
        ({"video_id": ONE}, Hint(remote_id=ONE)),
        ({"replyRef": "att_1"}, Hint(reference="att_1")),
        (
            {"video_id": ONE, "response": {"replyRef": "att_1"}},
            Hint(remote_id=ONE, reference="att_1"),
        ),
        (
            {"response": {"video_id": ONE, "replyRef": "att_1"}},
            Hint(remote_id=ONE, reference="att_1"),
        ),
        (
            {"replyRef": "", "response": {"replyRef": "att_2"}},
            Hint(reference="att_2"),
        ),
        ({"video_id": ONE, "response": "done", "errCode": 1}, Hint(remote_id=ONE)),
        ({"video_id": {"a": 1}, "replyRef": [1]}, Hint()),
        ([{"video_id": ONE}], Hint()),
        (b"", Hint()),
        (b"video_id=1", Hint()),
        (b'{"replyRef":"\\ud800"}', Hint()),
        (b'{"replyRef":"a\\u0000b"}', Hint()),
        (b"[" * 5000, Hint()),
    ],
)
def test_a_callback_is_read_for_the_two_ids_alone(body: object, hint: Hint) -> None:
    assert useapi.receive(answer(body).body) == hint


# --- whatever comes ---------------------------------------------------------------

LIKELY = st.sampled_from(
    [ONE, LINK, "COMPLETED", "QUEUED", "FAILED", True, False, 1, 5, 7, 8, "upload/x", BUSY]
)
ROWS = objects(*NAMES, likely=LIKELY)
ANSWERS = responses(
    objects(*NAMES, likely=LIKELY | ROWS | st.lists(ROWS | LIKELY, max_size=3)),
)


@CALM
@given(submissions("useapi-pixverse"), ANSWERS)
def test_any_answer_to_a_submission_is_an_outcome_and_only_a_200_with_an_id_is_accepted(
    asked: Submission, response: HttpResponse
) -> None:
    outcome, (sent,) = replay(useapi.submit(asked), [response])
    body = json.loads(sent.body)
    assert body.get("prompt") == asked.spec.prompt
    assert body.get("negative_prompt") == asked.spec.negative_prompt
    assert asked.spec.options.items() <= body.items()
    assert body["email"] == asked.account.email
    assert body["maxJobs"] == asked.account.max_jobs
    assert None not in body.values()
    match outcome:
        case Accepted(remote_id=found):
            assert response.status == 200
            assert useapi.VIDEO_ID.fullmatch(found)
            assert b"video_id" in response.body
        case Refused(status=status):
            assert status == response.status
            assert status in {row.status for row in useapi.REFUSALS}
            assert status == 596 or b"error" in response.body or BUSY.encode() in response.body
        case Unclear(status=status):
            assert status == response.status


@CALM
@given(ANSWERS)
def test_any_answer_to_an_upload_is_an_outcome(response: HttpResponse) -> None:
    outcome = uploaded(response)
    if isinstance(outcome, Uploaded):
        assert response.status == 200
        assert outcome.reference.strip()


@CALM
@given(ANSWERS, ANSWERS)
def test_any_answers_to_a_look_give_a_sighting_and_only_a_200_ends_a_job(
    listed: HttpResponse, alone: HttpResponse
) -> None:
    flow = useapi.poll(ACCOUNT, [ONE])
    next(flow)
    try:
        flow.send(listed)
        flow.send(alone)
    except StopIteration as stop:
        seen = stop.value[ONE]
    else:
        pytest.fail("a third request for one job")
    if not isinstance(seen, Running | Unseen):
        assert 200 in {listed.status, alone.status}


@CALM
@given(ROWS)
def test_any_video_object_is_a_sighting(row: dict[str, Any]) -> None:
    seen = useapi.sighting(row)
    assert isinstance(seen, Running | Finished | Failed | Unseen)
    if isinstance(seen, Finished):
        assert seen.url == str(row["url"])


@CALM
@given(wire_bytes(objects(*NAMES, likely=LIKELY | ROWS)))
def test_any_callback_body_is_read_without_trouble(body: bytes) -> None:
    hint = useapi.receive(body)
    assert hint.remote_id is None or useapi.VIDEO_ID.fullmatch(hint.remote_id)
