"""What operators see and may do, and nobody else."""

import asyncio
from typing import Any

import pytest

from gateway.api.accounts import shown
from gateway.model.clock import SECOND
from gateway.model.job import Choice, JobError
from gateway.model.phases import Phase
from gateway.storage import Connection, StorageError, accounts, jobs, ledger, orphans, replicas
from gateway.storage.accounts import FOREVER, PAUSED
from gateway.storage.ledger import Attempt, State
from gateway.storage.orphans import Orphan, Reason
from gateway.storage.standings import Standing
from providers.contract import Mode, VideoSpec
from tests.gateway.api.conftest import (
    EMAIL,
    KEY,
    OPERATOR,
    OTHER,
    PROMPT,
    Gate,
    Opened,
    bearer,
    owner_of,
    raising,
)

PIXVERSE = Choice(
    provider="useapi-pixverse",
    spec=VideoSpec(
        model="v4",
        mode=Mode.TEXT,
        prompt=PROMPT,
        seconds=5,
        aspect_ratio="16:9",
        resolution="540p",
    ),
)
UPSTREAM = f"user:1234-pixverse:{EMAIL}-video:112233"
NOBODYS = f"user:1234-pixverse:{EMAIL}-video:999"
VERBS = (("adopt", {"upstream_id": UPSTREAM}), ("resubmit", None), ("fail", {"reason": "no use"}))


@pytest.fixture
def operator(gate: Gate) -> Gate:
    """The gateway, and a client that shows the operator's key."""
    gate.client.headers.update(bearer(OPERATOR))
    return gate


async def stuck(gate: Gate, phase: Phase = Phase.NEEDS_ATTENTION, **values: Any) -> str:
    """A job whose submission's answer was lost; its id."""
    now = gate.tools.clock.now()
    job = await gate.job(
        phase=Phase.WAITING_FOR_SLOT, choices=(PIXVERSE,), **{"created_at": now, **values}
    )
    attempt = Attempt(
        id=f"att_{job.id}",
        job_id=job.id,
        n=1,
        account="pixverse",
        target=PIXVERSE.target,
        state=State.PREPARING,
    )

    def put(connection: Connection) -> None:
        slot = next(
            one for one in accounts.free_slots(connection, now) if one.provider != "pictory"
        )
        assert ledger.begin(connection, attempt, slot, "hash of " + job.id, now)
        ledger.mark(
            connection, attempt.id, State.UNKNOWN, sent_at=now, evidence="HTTP 502: bad gateway"
        )
        connection.exec_driver_sql(
            "UPDATE jobs SET phase = ?, attempt_id = ?, account = 'pixverse', chosen = 0, "
            "error = ? WHERE id = ?",
            (
                phase.value,
                attempt.id,
                '{"code": "submission_unknown", "message": "nobody knows"}',
                job.id,
            ),
        )
        orphans.add(
            connection,
            Orphan(
                account="pixverse",
                remote_id=NOBODYS,
                job_id=job.id,
                attempt_id=attempt.id,
                reason=Reason.DOUBLE,
                detail="two of one",
                url="https://example.com/film.mp4",
                found_at=now,
            ),
        )

    await gate.tools.database.write(put)
    return job.id


# --- every job ------------------------------------------------------------------------------


async def test_an_operator_sees_everybodys_videos_and_others_their_own(gate: Gate) -> None:
    mine, theirs = await gate.job(), await gate.job(key=OTHER)

    async def listed(key: str) -> set[str]:
        answer = await gate.client.get("/v1/videos", headers=bearer(key))
        return {one["id"] for one in answer.json()["data"]}

    assert await listed(OPERATOR) == {mine.id, theirs.id}
    assert (await listed(KEY), await listed(OTHER)) == ({mine.id}, {theirs.id})
    for job in (mine, theirs):
        path = f"/v1/videos/{job.id}"
        for one in (path, f"{path}/content"):
            assert (await gate.client.get(one, headers=bearer(OPERATOR))).status_code == 200
    gone = await gate.client.delete(f"/v1/videos/{theirs.id}", headers=bearer(OPERATOR))
    assert gone.status_code == 200


async def test_what_an_operator_makes_is_the_operators_own(operator: Gate) -> None:
    made = (await operator.client.post("/v1/videos", json={"prompt": PROMPT})).json()
    assert made["evidence"]["owner"] == owner_of(OPERATOR)
    answer = await operator.client.get(made["urls"]["self"], headers=bearer(KEY))
    assert answer.status_code == 404


async def test_anothers_video_and_file_are_no_inputs_of_an_operators(operator: Gate) -> None:
    job = await operator.job(key=KEY)
    body = {"prompt": PROMPT, "first_frame": {"video": job.id, "frame": "last"}}
    answer = await operator.client.post("/v1/videos", json=body)
    assert answer.json()["errors"][0]["code"] == "unknown_video"


async def test_a_list_can_be_of_some_phases(operator: Gate) -> None:
    made = {phase: (await operator.job(phase=phase)).id for phase in Phase}
    for asked, wanted in (
        ("phase=needs_attention", {Phase.NEEDS_ATTENTION}),
        ("phase=rendering,canceling", {Phase.RENDERING, Phase.CANCELING}),
        ("phase=rendering&status=failed", set()),
        ("phase=failed&status=failed", {Phase.FAILED}),
    ):
        found = (await operator.client.get(f"/v1/videos?{asked}")).json()["data"]
        assert {one["id"] for one in found} == {made[phase] for phase in wanted}, asked
    refused = await operator.client.get("/v1/videos?phase=stuck")
    assert refused.status_code == 400
    assert "needs_attention" in refused.json()["errors"][0]["allowed"]


async def test_the_evidence_of_a_video_is_for_operators(gate: Gate) -> None:
    video = await stuck(gate)
    path = f"/v1/videos/{video}"
    assert (await gate.client.get(path)).json()["evidence"] is None
    told = (await gate.client.get(path, headers=bearer(OPERATOR))).json()["evidence"]
    assert told["owner"] == owner_of(KEY)
    (attempt,) = told["attempts"]
    assert (attempt["n"], attempt["account"], attempt["target"], attempt["state"]) == (
        1,
        "pixverse",
        "useapi-pixverse/v4",
        "unknown",
    )
    assert attempt["evidence"] == "HTTP 502: bad gateway"
    assert (attempt["upstream_id"], attempt["claimed_id"], attempt["looks"]) == (None, None, 0)
    assert isinstance(attempt["sent_at"], int)
    (orphan,) = told["orphans"]
    assert (orphan["upstream_id"], orphan["reason"]) == (NOBODYS, "charged_twice")


async def test_without_any_keys_everybody_is_the_operator(opened: Opened) -> None:
    async with opened() as gate:
        job = await gate.job(owner="key_of_earlier_days")
        assert (await gate.client.get("/v1/accounts")).status_code == 200
        assert (await gate.client.get(f"/v1/videos/{job.id}")).json()["evidence"] is not None


# --- decisions ------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [Phase.NEEDS_ATTENTION, Phase.SUBMISSION_UNKNOWN])
async def test_an_operator_says_which_job_of_the_providers_it_is(
    operator: Gate, phase: Phase
) -> None:
    video = await stuck(operator, phase)
    answer = await operator.client.post(f"/v1/videos/{video}/adopt", json={"upstream_id": UPSTREAM})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["phase"], answer.json()["upstream_id"]) == ("rendering", UPSTREAM)
    other = await stuck(operator, phase)
    again = await operator.client.post(f"/v1/videos/{other}/adopt", json={"upstream_id": UPSTREAM})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert again.headers["x-should-retry"] == "false"
    odd = await operator.client.post(f"/v1/videos/{other}/adopt", json={"upstream_id": "112233"})
    assert (odd.status_code, odd.json()["code"]) == (422, "invalid_request")
    assert odd.json()["errors"][0]["pointer"] == "/upstream_id"


async def test_an_operator_sends_a_video_again(operator: Gate) -> None:
    video = await stuck(operator)
    answer = await operator.client.post(f"/v1/videos/{video}/resubmit")
    assert (answer.status_code, answer.json()["phase"]) == (200, "waiting_for_slot")
    assert answer.json()["queue"]["position"] == 1
    assert answer.json()["timeline"][-1]["event"] == "resubmitted"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "the operator gave it up"),
        ({"json": {"reason": "nobody needs it"}}, "nobody needs it"),
        ({"json": {}}, "the operator gave it up"),
        ({"json": {"reason": None}}, "the operator gave it up"),
    ],
)
async def test_an_operator_gives_a_video_up(
    operator: Gate, options: dict[str, Any], words: str
) -> None:
    video = await stuck(operator)
    answer = await operator.client.post(f"/v1/videos/{video}/fail", **options)
    assert answer.status_code == 200, answer.text
    error = answer.json()["error"]
    assert error == {"code": "given_up", "message": words, "blame": "operator"}


@pytest.mark.parametrize(("verb", "body"), VERBS)
async def test_only_what_is_stuck_can_be_decided_about(
    operator: Gate, verb: str, body: dict[str, str] | None
) -> None:
    job = await operator.job(phase=Phase.RENDERING)
    answer = await operator.client.post(f"/v1/videos/{job.id}/{verb}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert answer.headers["x-should-retry"] == "false"
    for unknown in ("video_" + "0" * 26, "%20"):
        answer = await operator.client.post(f"/v1/videos/{unknown}/{verb}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(("verb", "body"), VERBS)
async def test_a_decision_wakes_the_engine_and_is_not_undone_by_a_silent_database(
    operator: Gate, monkeypatch: pytest.MonkeyPatch, verb: str, body: dict[str, str] | None
) -> None:
    video = await stuck(operator)
    woken = asyncio.Event()
    monkeypatch.setattr(operator.engine, "wake", woken.set)
    monkeypatch.setattr(operator.tools.database, "read", raising(StorageError("away")))
    answer = await operator.client.post(f"/v1/videos/{video}/{verb}", json=body)
    assert (answer.status_code, answer.json()["id"]) == (200, video)
    assert woken.is_set()


@pytest.mark.parametrize(
    ("verb", "content", "kind", "status", "pointer"),
    [
        ("adopt", b"", "application/json", 422, "/upstream_id"),
        ("adopt", b"{}", "application/json", 422, "/upstream_id"),
        ("adopt", b'{"upstream_id": ""}', "application/json", 422, "/upstream_id"),
        ("adopt", b'{"upstream_id": 7}', "application/json", 422, "/upstream_id"),
        ("adopt", b'{"upstream_id": "a", "id": "b"}', "application/json", 422, "/id"),
        ("adopt", b'["a"]', "application/json", 422, ""),
        ("adopt", b'{"upstream_id": "' + b"a" * 501 + b'"}', "application/json", 422, None),
        ("adopt", b"{", "application/json", 400, None),
        ("adopt", b'{"upstream_id": "a"}', "text/plain", 415, None),
        ("adopt", b"a" * 40_000, "application/json", 413, None),
        ("fail", b'{"reason": "a", "why": "b"}', "application/json", 422, "/why"),
        ("fail", b"reason=a", "application/x-www-form-urlencoded", 415, None),
    ],
)
async def test_a_body_that_cannot_be_read_changes_nothing(
    operator: Gate, verb: str, content: bytes, kind: str, status: int, pointer: str | None
) -> None:
    video = await stuck(operator)
    answer = await operator.client.post(
        f"/v1/videos/{video}/{verb}", content=content, headers={"content-type": kind}
    )
    assert answer.status_code == status, answer.text
    if pointer is not None:
        assert pointer in {one["pointer"] for one in answer.json()["errors"]}
    seen = (await operator.client.get(f"/v1/videos/{video}")).json()
    assert seen["phase"] == "needs_attention"


# --- accounts -------------------------------------------------------------------------------


async def account(gate: Gate, name: str = "pictory") -> dict[str, Any]:
    found = (await gate.client.get("/v1/accounts")).json()["data"]
    told: dict[str, Any] = next(one for one in found if one["name"] == name)
    return told


async def test_an_account_tells_how_it_stands(operator: Gate) -> None:
    await stuck(operator)
    fine, busy = await account(operator), await account(operator, "pixverse")
    assert fine == {
        "name": "pictory",
        "provider": "pictory",
        "state": "ok",
        "taken": 0,
        "limit": 3,
        "max_jobs": 3,
        **dict.fromkeys(("until", "reason", "words", "advice", "paused_at")),
    }
    assert (busy["provider"], busy["taken"], busy["state"]) == ("useapi-pixverse", 1, "ok")


async def test_an_account_is_paused_until_it_is_resumed(operator: Gate) -> None:
    answer = await operator.client.post(
        "/v1/accounts/pictory/pause", json={"reason": "the bill is due"}
    )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["state"], told["until"], told["reason"]) == ("paused", None, PAUSED)
    assert (told["words"], told["advice"]) == (
        "the bill is due",
        "resume account 'pictory' when it may go on",
    )
    assert told == await account(operator)

    body = {"prompt": PROMPT, "model": "pictory/pixverse5.5"}
    made = (await operator.client.post("/v1/videos", json=body)).json()
    assert made["queue"] == {
        "position": 1,
        "reason": "every account that could take it is paused; pictory: by the operator",
    }
    assert made["eta"] is None
    quoted = (await operator.client.post("/v1/videos/quote", json=body)).json()
    assert quoted["choices"][0]["reason"] == f"every account rests; pictory: {PAUSED}"

    resumed = (await operator.client.post("/v1/accounts/pictory/resume")).json()
    assert (resumed["state"], resumed["words"]) == ("probing", None)
    seen = (await operator.client.get(made["urls"]["self"])).json()
    assert seen["queue"] == {"position": 1, "reason": None}


async def test_a_pause_needs_no_reason_and_can_be_made_twice(operator: Gate) -> None:
    for _ in range(2):
        answer = await operator.client.post("/v1/accounts/pictory/pause")
        assert (answer.status_code, answer.json()["state"]) == (200, "paused")
        assert answer.json()["words"] is None


async def test_what_an_account_does_meanwhile_ends_no_operators_pause(operator: Gate) -> None:
    await operator.client.post("/v1/accounts/pictory/pause", json={"reason": "wait"})
    now = operator.tools.clock.now()

    def go_on(connection: Connection) -> None:
        accounts.took_one(connection, "pictory")
        accounts.cool(connection, ["pictory"], now + SECOND, "provider_throttled")
        accounts.pause(connection, ["pictory"], now, now + SECOND, "account_on_hold", "held")
        accounts.rebase(connection, now, "provider_throttled", SECOND)

    await operator.tools.database.write(go_on)
    told = await account(operator)
    assert (told["state"], told["until"], told["reason"], told["words"]) == (
        "paused",
        None,
        PAUSED,
        "wait",
    )


async def test_an_account_that_rests_for_a_fault_is_resumed_as_well(operator: Gate) -> None:
    now = operator.tools.clock.now()
    await operator.tools.database.write(
        lambda connection: accounts.pause(
            connection, ["pictory"], now, now + 300 * SECOND, "insufficient_credits", "none left"
        )
    )
    told = await account(operator)
    assert (told["state"], told["until"]) == ("paused", (now + 300 * SECOND) // SECOND)
    assert told["advice"] == "account 'pictory' has no credits left: top it up"
    resumed = await operator.client.post("/v1/accounts/pictory/resume")
    assert resumed.json()["state"] == "probing"


async def test_an_unknown_account_is_neither_paused_nor_resumed(operator: Gate) -> None:
    for verb in ("pause", "resume"):
        answer = await operator.client.post(f"/v1/accounts/nobody/{verb}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_page_of_another_site_decides_nothing_where_no_key_is_asked_for(
    opened: Opened,
) -> None:
    async with opened() as gate:
        video = await stuck(gate)
        for path in (
            "/v1/accounts/pictory/pause",
            "/v1/accounts/pictory/resume",
            *(f"/v1/videos/{video}/{verb}" for verb, _ in VERBS),
        ):
            answer = await gate.client.post(path, headers={"origin": "https://evil.test"})
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path


def standing(**values: Any) -> Standing:
    facts: dict[str, Any] = {
        "name": "a",
        "provider": "pictory",
        "max_jobs": 3,
        "limit": 3,
        "taken": 0,
        "rests_until": None,
        "reason": None,
        "words": None,
        "paused_at": None,
        "failures": 0,
        "throttled": 0,
        "probing": False,
    }
    return Standing(**(facts | values))


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({}, "ok"),
        ({"words": "of long ago"}, "ok"),
        ({"rests_until": 5, "reason": "provider_throttled"}, "resting"),
        ({"rests_until": 5, "reason": "account_on_hold", "paused_at": 1}, "paused"),
        ({"rests_until": FOREVER, "reason": PAUSED}, "paused"),
        ({"probing": True, "reason": "unreachable"}, "probing"),
        ({"max_jobs": 0, "limit": 0, "taken": 1}, "removed"),
    ],
)
def test_every_state_of_an_account_has_a_word(values: dict[str, Any], state: str) -> None:
    told = shown(standing(**values))
    assert told.state == state
    assert (told.words is None) or state != "ok"


# --- what else there is to know ---------------------------------------------------------------


async def test_films_that_nobody_gets_are_listed(operator: Gate) -> None:
    first, second = await stuck(operator), await stuck(operator)
    found = (await operator.client.get("/v1/orphans")).json()
    assert found["object"] == "list"
    # The same film twice is one.
    (orphan,) = found["data"]
    assert orphan["video_id"] in {first, second}
    assert (orphan["upstream_id"], orphan["url"]) == (NOBODYS, "https://example.com/film.mp4")
    assert (await operator.client.get("/v1/orphans?limit=0")).status_code == 400


async def test_the_gateways_that_run_are_listed(operator: Gate) -> None:
    def put(connection: Connection) -> None:
        replicas.beat(connection, operator.tools.replica, operator.tools.host, 5 * SECOND)
        replicas.beat(connection, "rep_gone", "there.test", 4 * SECOND)

    await operator.tools.database.write(put)
    found = (await operator.client.get("/v1/replicas")).json()["data"]
    told = {one["id"]: (one["alive"], one["here"], one["seen_at"]) for one in found}
    assert told[operator.tools.replica] == (True, True, 5)
    assert told["rep_gone"] == (False, False, 4)


# --- addresses of accounts --------------------------------------------------------------------


async def test_an_accounts_address_is_for_operators(gate: Gate) -> None:
    """Providers write it into ids and into their words; a quote shows what would be sent."""
    job = await _talkative(gate)
    body = {"prompt": f"Not hidden: {EMAIL}", "model": "useapi-pixverse/v4"}

    async def told(key: str) -> list[str]:
        headers = bearer(key)
        paths = (f"/v1/videos/{job}", "/v1/videos")
        answers = [await gate.client.get(path, headers=headers) for path in paths]
        answers.append(await gate.client.post("/v1/videos/quote", json=body, headers=headers))
        return [answer.text for answer in answers]

    looked, listed, quoted = await told(KEY)
    for text in (looked, listed):
        assert EMAIL not in text.lower()
        assert "user:1234-pixverse:***-video:112233" in text
        assert "no luck with ***: ***" in text
    # The caller's own words stay.
    assert quoted.count(EMAIL) == 2
    assert '"email":"***"' in quoted

    looked, listed, quoted = await told(OPERATOR)
    assert f'"email":"{EMAIL}"' in quoted
    assert UPSTREAM in looked
    assert UPSTREAM in listed


async def _talkative(gate: Gate) -> str:
    """A job whose provider named the account's address wherever it could."""
    error = JobError(code="generation_failed", message=f"no luck with OPS@example.com: {EMAIL}")
    job = await gate.job(
        phase=Phase.FAILED, choices=(PIXVERSE,), chosen=0, remote_id=UPSTREAM, error=error
    )
    await gate.tools.database.write(
        lambda connection: jobs.note(
            connection, job.id, job.created_at, "accepted", Phase.RENDERING, UPSTREAM
        )
    )
    return job.id


async def test_a_notice_does_not_tell_an_accounts_address_either(gate: Gate) -> None:
    video = await _talkative(gate)

    def read(connection: Connection) -> bytes:
        job = jobs.get(connection, video)
        assert job is not None
        return gate.tools.render(job, jobs.history(connection, video))

    told = (await gate.tools.database.read(read)).decode()
    assert EMAIL not in told.lower()
    assert "***" in told
