import pytest

from mockserver import Settings
from mockserver.engine.kinds import KINDS
from tests.mockserver.control.conftest import HOOK, Open


async def test_the_summary_says_where_everything_stands(opened: Open) -> None:
    async with opened() as hand:
        await hand.submit()
        await hand.post("/clock/advance", {"by": "10s"})
        summary = await hand.get("")

    assert summary["clock"] == {
        "kind": "frozen",
        "speed": 0.0,
        "now": 10.0,
        "utc": "2026-01-01T00:00:10.000Z",
    }
    assert summary["jobs"] == {"running": 1}
    assert summary["charged"] == {"pictory": 80}


async def test_a_job_is_shown_with_its_lines_as_cause_and_effect(opened: Open) -> None:
    async with opened() as hand:
        await hand.submit(webhook=HOOK)
        await hand.post("/clock/advance", {"job": "job1"})
        job = await hand.get("/jobs/job1")

    lines = {line["n"]: line["line"] for line in job["lines"]}
    causes = {lines[line["n"]]: lines.get(line.get("cause")) for line in job["lines"][1:]}
    assert job["phase"] == "completed"
    assert causes == {"entry": "exchange", "transition": "transition", "delivery": "transition"}


async def test_a_look_at_a_film_by_hand_leaves_no_trace(opened: Open) -> None:
    async with opened() as hand:
        await hand.submit()
        refused = await hand.http.get("/__mock/jobs/job1/film")
        await hand.post("/clock/advance", {"until_idle": True})
        length = hand.world.journal.length
        film = await hand.http.get("/__mock/jobs/job1/film")

        assert (refused.status_code, film.headers["content-type"]) == (404, "video/mp4")
        assert film.content[4:8] == b"ftyp"
        assert hand.world.journal.length == length


async def test_a_job_is_finished_with_the_failure_that_was_asked_for(opened: Open) -> None:
    async with opened() as hand:
        job = await hand.submit()
        ended = await hand.post(f"/jobs/{job}/finish", {"failure": "moderation"})

        assert ended["phase"] == "moderated"
        assert hand.world.ledger.total == {"pictory": 0}
        again = await hand.post("/jobs/job1/finish", {}, 409)
        assert "moderated" in again["error"]


async def test_dropping_the_next_callback_lets_the_one_after_it_through(opened: Open) -> None:
    async with opened() as hand:
        create = "/v2/pixverse/videos/create-v4"
        token = {"authorization": "Bearer user:1-mock"}
        await hand.http.post(create, json={"prompt": "dawn", "replyUrl": HOOK}, headers=token)
        await hand.post("/clock/advance", {"job": "job1", "phase": "running"})
        dropped = await hand.post("/jobs/job1/drop-callback")
        await hand.post("/jobs/job1/drop-callback")
        await hand.post("/clock/advance", {"until_idle": True})

        assert dropped == {"fault": "callback@job1#2:drop"}
        calls = [(one.phase, one.how) for one in hand.world.journal.deliveries]
        assert calls == [("running", ""), ("running", "lost"), ("completed", "")]
        assert hand.world.engine.faults.lines == ("callback@job1#2:drop",)


@pytest.mark.parametrize("body", [{}, {"webhook": HOOK}])
async def test_a_callback_that_never_comes_cannot_be_dropped(
    opened: Open, body: dict[str, str]
) -> None:
    async with opened() as hand:
        await hand.submit(**body)
        if body:
            await hand.post("/clock/advance", {"until_idle": True})

        await hand.post("/jobs/job1/drop-callback", status=409)


async def test_the_ledger_names_what_was_charged_twice(opened: Open) -> None:
    async with opened(Settings(clock="frozen")) as hand:
        for _ in range(2):
            await hand.submit()
        book = await hand.get("/ledger")

    (double,) = book["double_charges"]
    assert double["amounts"] == [80, 80]
    assert book["total"] == {"pictory": 160}


async def test_the_journal_can_be_narrowed_down(opened: Open) -> None:
    async with opened() as hand:
        await hand.submit("dawn at sea")
        await hand.submit("dusk at sea")
        await hand.post("/clock/advance", {"by": 5})

        async def numbers(query: str) -> list[int]:
            return [line["n"] for line in (await hand.get(f"/journal?{query}"))["lines"]]

        every = await numbers("")
        assert await numbers("since=2") == every[2:]
        assert await numbers("kind=entry") == [2, 4]
        assert await numbers("job=job2&kind=transition") == [7]
        (brief,) = (await hand.get("/journal?kind=exchange&job=job1&brief=1"))["lines"]
        assert "body" not in brief
        assert (await hand.get("/journal/1"))["body"] == {"prompt": "dawn at sea"}


async def test_faults_are_listed_planned_struck_and_cleared(opened: Open) -> None:
    async with opened() as hand:
        await hand.post("/faults", ["submit#1:late=5s", "poll:reset"])
        before = await hand.get("/faults")
        assert {kind["name"] for kind in before["kinds"]} == set(KINDS)
        assert before["faults"] == ["submit#1:late=5s", "poll:reset"]

        assert (await hand.http.delete("/__mock/faults")).status_code == 204
        await hand.submit()
        after = await hand.get("/faults")
        assert (after["faults"], after["struck"]) == ([], [])


async def test_verdict_and_coverage_are_told(opened: Open) -> None:
    async with opened() as hand:
        await hand.submit()

        assert (await hand.get("/verdict"))["findings"] == []
        assert await hand.get("/coverage")


async def test_settings_are_shown_without_the_token(opened: Open) -> None:
    async with opened(Settings(clock="frozen", seed=7, control_token="secret")) as hand:
        shown = await hand.get("/settings", headers={"authorization": "Bearer secret"})

    assert (shown["seed"], shown["control_token"]) == (7, True)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("POST", "/clock/advance", {}, 400, "until_idle"),
        ("POST", "/clock/advance", {"by": -1}, 400, "back"),
        ("POST", "/clock/advance", {"by": 1, "until_idle": True}, 400, "one of"),
        ("POST", "/clock/advance", {"buy": 1}, 400, "by, seconds, until_idle"),
        ("POST", "/clock/advance", {"job": "job9"}, 404, "job1"),
        ("POST", "/clock/advance", {"job": "job1", "phase": "done"}, 400, "completed"),
        ("POST", "/clock/advance", {"job": "job1", "phase": "failed"}, 409, "does not"),
        ("POST", "/jobs/job9/finish", {}, 404, "job1"),
        ("POST", "/jobs/job1/finish", {"failure": "rain"}, 400, "failure"),
        ("POST", "/jobs/job1/finish", {"fault": "rain"}, 400, "failure"),
        ("POST", "/faults", ["submit:rain"], 400, "reset"),
        ("POST", "/accounts/nobody@example.com/hold", None, 404, "ops@example.com"),
        ("GET", "/journal?kind=rain", None, 400, "exchange"),
        ("GET", "/journal?since=x", None, 400, "since"),
        ("GET", "/journal/99", None, 404, "last one"),
        ("GET", "/openapi/rain.json", None, 404, "control.json"),
        ("POST", "/worlds/a%20b", {}, 400, "letters"),
        ("POST", "/worlds/other", {"sped": 2}, 400, "speed"),
        ("POST", "/worlds/other", {"clock": "sundial"}, 400, "frozen"),
        ("DELETE", "/worlds/nowhere", None, 404, "default"),
        ("POST", "/fork/default", None, 409, "own"),
        ("POST", "/snapshots/none/restore", None, 404, "none"),
        ("POST", "/worlds/other/replay", {"source": "nowhere"}, 404, "default"),
        ("POST", "/worlds/other/replay", {"line": 1, "at": 2}, 400, "not both"),
        ("POST", "/worlds/other/replay", {"format": "tape"}, 400, "filmgate-world"),
    ],
)
async def test_an_error_says_what_can_be_done_instead(
    opened: Open, method: str, path: str, body: object, status: int, says: str
) -> None:
    async with opened() as hand:
        await hand.submit()
        response = await hand.http.request(method, f"/__mock{path}", json=body)

    assert response.status_code == status
    assert says in response.json()["error"]
