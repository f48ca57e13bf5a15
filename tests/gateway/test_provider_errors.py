"""From what a provider answers to what the client is told: every documented error, row by row.

Two accounts stand at each provider, so that the scope of an error shows: one about the account
sends the job to the other account, one about the provider makes it wait, one about the job ends it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pytest

from gateway.model.clock import SECOND
from gateway.storage import Connection, tables
from mockserver import Account as MockAccount
from providers.contract import BLAME, Fault
from tests.rig import Rig, is_submit, pictory, pixverse, rig

CREDITS: Final = (
    "All Credits have been used up. Please upgrade your membership or purchase credits."
)
MODERATED: Final = "Your prompt has triggered our AI moderator, please re-enter your prompt"
PENDING: Final = (
    "Your PixVerse account has pending error. Please address this issue at "
    "https://useapi.net/docs/api-pixverse-v2/post-pixverse-accounts-email before making any new "
    "API calls."
)
NOBODY: Final[Mapping[str, tuple[int, int]]] = {}
PAUSE: Final = (300, 300)
WAIT: Final = (10, 30)
BRIEF: Final = (5, 6)


class Row(NamedTuple):
    """An answer to a submission, and what follows.

    `fails` is the error the client gets, `waits` the reason it is shown; a row with neither
    goes on at the other account. `says` is what is told of the provider's words. `rests` says
    which accounts get no jobs, and for how many seconds (at least, at most).
    """

    id: str
    provider: str
    status: int
    body: Any
    says: str
    fails: Fault | None = None
    waits: Fault | None = None
    rests: Mapping[str, tuple[int, int]] = NOBODY
    headers: Mapping[str, str] = {}
    phase: str = ""


def error(text: str) -> dict[str, str]:
    return {"error": text}


A: Final = "pixverse-a"
B: Final = "pixverse-b"
P: Final = "pictory-a"
Q: Final = "pictory-b"
FIELDS: Final = {
    "code": "INVALID_REQUEST_BODY",
    "message": "Request body validation failed",
    "fields": [{"name": "duration", "errors": "must be one of 5s, 8s, 10s"}],
}

REFUSALS: Final = (
    Row("400", A, 400, error("Bad things"), fails=Fault.INVALID_REQUEST, says="Bad things"),
    Row("401", A, 401, error("Unauthorized"), rests={A: PAUSE}, says="Unauthorized"),
    Row(
        "402",
        A,
        402,
        error("Account has no subscription or subscription expired"),
        rests={A: PAUSE},
        says="no subscription",
    ),
    Row("404", A, 404, error("Account x is not configured."), rests={A: PAUSE}, says="configured"),
    Row("412", A, 412, error(CREDITS), rests={A: PAUSE}, says="purchase credits"),
    Row("422", A, 422, error(MODERATED), fails=Fault.MODERATED, says="AI moderator"),
    Row(
        "429 one account is busy",
        A,
        429,
        error("Account ops@example.com is busy executing 3 tasks."),
        rests={A: WAIT},
        says="busy executing 3",
    ),
    Row(
        "429 all accounts are busy",
        A,
        429,
        error("All configured accounts are running at maximum capacity."),
        waits=Fault.THROTTLED,
        rests={A: WAIT, B: WAIT},
        says="maximum capacity",
    ),
    Row(
        "429 from PixVerse itself",
        A,
        429,
        error("Reached the limit for concurrent generations."),
        rests={A: WAIT},
        says="concurrent generations",
    ),
    Row(
        "429 that asks for more time",
        A,
        429,
        error("Reached the limit for concurrent generations."),
        rests={A: (90, 110)},
        says="concurrent generations",
        headers={"retry-after": "90"},
    ),
    Row("596", A, 596, error(PENDING), rests={A: PAUSE}, says="pending error"),
    Row("500", A, 500, error("Internal Server Error"), phase="submission_unknown", says="HTTP 500"),
    Row("502", A, 502, "<html>Bad gateway</html>", phase="submission_unknown", says="HTTP 502"),
    Row("garbage", A, 200, "<html>Hello</html>", phase="submission_unknown", says="HTTP 200"),
    Row("nothing in it", A, 200, {}, phase="submission_unknown", says="HTTP 200"),
    Row("400 with fields", P, 400, FIELDS, fails=Fault.INVALID_REQUEST, says="duration: must be"),
    Row("401", P, 401, {"message": "Unauthorized"}, rests={P: PAUSE}, says="Unauthorized"),
    Row("402", P, 402, {"message": "Insufficient credits"}, rests={P: PAUSE}, says="credits"),
    Row(
        "403 from the edge",
        P,
        403,
        "<html>error code: 1010</html>",
        waits=Fault.BLOCKED,
        rests={P: BRIEF, Q: BRIEF},
        says="1010",
    ),
    Row("429", P, 429, {"message": "Too Many Requests"}, rests={P: (30, 60)}, says="Too Many"),
    Row("429 of the edge", P, 429, "<html>slow down</html>", rests={P: (30, 60)}, says="slow down"),
    Row(
        "500",
        P,
        500,
        {"message": "Internal server error"},
        phase="submission_unknown",
        says="HTTP 500",
    ),
    Row("garbage", P, 200, "<html>Hello</html>", phase="submission_unknown", says="HTTP 200"),
    Row("success false", P, 200, {"success": False}, phase="submission_unknown", says="HTTP 200"),
)


def named(rows: tuple[Row, ...]) -> list[Any]:
    return [pytest.param(row, id=f"{row.provider.partition('-')[0]} {row.id}") for row in rows]


def answer(row: Row) -> httpx.Response:
    if isinstance(row.body, str):
        return httpx.Response(row.status, text=row.body, headers=row.headers)
    return httpx.Response(row.status, json=row.body, headers=row.headers)


def stage(folder: Path) -> Any:
    emails = ("a@example.com", "b@example.com")
    return rig(
        folder,
        accounts=(
            *(pixverse(name, email=email) for name, email in zip((A, B), emails, strict=True)),
            pictory(P),
            pictory(Q),
        ),
        mock_accounts=tuple(MockAccount(email=email) for email in emails),
    )


def client(made: Rig) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=made.app), base_url="http://gate.test"
    )


async def asked(made: Rig, **body: Any) -> str:
    """A job, asked for over the API; its id."""
    async with client(made) as caller:
        created = await caller.post("/v1/videos", json=body)
    assert created.status_code == 202, created.text
    return str(created.json()["id"])


async def seen(made: Rig, job_id: str) -> dict[str, Any]:
    """The job as its owner's client sees it."""
    async with client(made) as caller:
        found: dict[str, Any] = (await caller.get(f"/v1/videos/{job_id}")).json()
    return found


async def resting(made: Rig) -> dict[str, int]:
    """Seconds that each resting account goes on resting."""

    def read(connection: Connection) -> dict[str, int]:
        now = made.now()
        return {
            row.name: round((row.cooling_until - now) / SECOND)
            for row in connection.execute(tables.accounts.select())
            if row.cooling_until > now
        }

    return await made.tools.database.read(read)


@pytest.mark.parametrize("row", named(REFUSALS))
async def test_what_the_provider_answers_becomes_what_the_client_is_told(
    tmp_path: Path, row: Row
) -> None:
    first = iter([answer(row)])
    model = "useapi-pixverse/v4" if row.provider == A else "pictory/pixverse5.5"
    async with stage(tmp_path) as made:
        made.provider_wire.meddle = lambda request: (
            next(first, None) if is_submit(request) else None
        )
        job_id = await asked(made, model=model, prompt="A quiet lake")
        await made.settle()
        video = await seen(made, job_id)
        rests = await resting(made)
        submits = sum(map(is_submit, made.provider_wire.requests))
        charges = len(made.mock.ledger.charges)

    other = {A: B, P: Q}[row.provider]
    told = " ".join(moment["detail"] for moment in video["timeline"])
    assert row.says in told
    assert rests.keys() == row.rests.keys()
    for name, (least, most) in row.rests.items():
        assert least <= rests[name] <= most, rests
    if row.fails:
        assert (video["status"], submits, charges) == ("failed", 1, 0)
        assert video["error"]["code"] == row.fails.value
        assert video["error"]["blame"] == BLAME[row.fails].value
        assert row.says in video["error"]["message"]
    elif row.waits:
        assert (video["phase"], submits, charges) == ("waiting_for_slot", 1, 0)
        assert row.waits.value in video["queue"]["reason"]
    elif row.phase:
        assert (video["phase"], video["account"], submits) == (row.phase, row.provider, 1)
        assert video["error"] is None
    else:
        assert (video["phase"], video["account"]) == ("rendering", other)
        assert (submits, charges) == (2, 1)


class Look(NamedTuple):
    """An answer to a look at a running job, and where the job then stands.

    `says` is in the message of the error, where there is one.
    """

    id: str
    provider: str
    status: int
    body: Any
    phase: str = "rendering"
    error: Fault | None = None
    says: str = ""


def listed(**video: Any) -> dict[str, Any]:
    """A list with our one video, of which these facts are told."""
    return {"data": [{"video_id": "ID", "url": "", "video_status_final": False, **video}]}


def job(success: bool | None, **data: Any) -> dict[str, Any]:  # noqa: FBT001 - as the wire has it
    told = {} if success is None else {"success": success}
    return {"job_id": "ID", **told, "data": data}


LOOKS: Final = (
    Look("not on the list, and 404 alone", A, 404, error("Not found")),
    Look("401", A, 401, error("Unauthorized")),
    Look("429", A, 429, error("slow down")),
    Look("500", A, 500, "oops"),
    Look("596", A, 596, error(PENDING)),
    Look("garbage", A, 200, "<html></html>"),
    Look("a list of something else", A, 200, {"data": [1, None, {}]}),
    Look(
        "queued, and final",
        A,
        200,
        listed(video_status=5, video_status_name="QUEUED", video_status_final=True),
    ),
    Look(
        "generating with a url",
        A,
        200,
        listed(video_status=10, video_status_name="GENERATING", url="https://x.example/p.mp4"),
    ),
    Look("a word nobody knows", A, 200, listed(video_status=77, video_status_name="POLISHING")),
    Look(
        "completed without a url",
        A,
        200,
        listed(video_status=1, video_status_name="COMPLETED", video_status_final=True),
    ),
    Look(
        "moderated",
        A,
        200,
        listed(video_status=7, video_status_name="MODERATED", video_status_final=True),
        "failed",
        Fault.MODERATED,
        "PixVerse moderated this video",
    ),
    Look(
        "failed",
        A,
        200,
        listed(
            video_status=8, video_status_name="FAILED", video_status_final=True, errMsg="no luck"
        ),
        "failed",
        Fault.GENERATION_FAILED,
        "no luck",
    ),
    Look(
        "final, and not completed",
        A,
        200,
        listed(video_status=99, video_status_name="GONE", video_status_final=True),
        "failed",
        Fault.GENERATION_FAILED,
        "GONE and gives no reason",
    ),
    Look("404", P, 404, {"message": "Not Found"}),
    Look("401", P, 401, {"message": "Unauthorized"}),
    Look("429", P, 429, {"message": "Too Many Requests"}),
    Look("500", P, 500, {"message": "Internal server error"}),
    Look("garbage", P, 200, "<html></html>"),
    Look(
        "unknown job",
        P,
        200,
        {
            "job_id": "ID",
            "success": False,
            "data": {"error_code": "5000", "error_message": "JOB_NOT_FOUND"},
        },
    ),
    Look("a word nobody knows", P, 200, job(success=True, status="polishing")),
    Look("no word at all", P, 200, job(success=True)),
    Look("completed without a url", P, 200, job(success=True, status="completed")),
    Look(
        "failed",
        P,
        200,
        job(
            success=False,
            status="failed",
            error_code="AI_VIDEO_GENERATION_FAILED",
            error_message="no luck",
        ),
        "failed",
        Fault.GENERATION_FAILED,
        "no luck",
    ),
    Look(
        "out of credits",
        P,
        200,
        job(
            success=False,
            status="failed",
            error_code="INSUFFICIENT_CREDITS",
            error_message="top up",
        ),
        "failed",
        Fault.NO_CREDITS,
        "top up",
    ),
    Look(
        "failed, told by its code alone",
        P,
        200,
        job(success=False, error_code="TEXT_TO_VIDEO_FAILED", error_message="no luck"),
        "failed",
        Fault.GENERATION_FAILED,
        "TEXT_TO_VIDEO_FAILED: no luck",
    ),
    Look("no success, and words", P, 200, job(success=False, error_message="no luck")),
    Look("no success, and a message", P, 200, {"success": False, "message": "Slow down"}),
    Look(
        "no success, and an error of the request",
        P,
        200,
        {"success": False, "error": {"code": 17, "message": "no luck"}},
    ),
    Look(
        "cleaned",
        P,
        200,
        job(success=True, status="cleaned"),
        "failed",
        Fault.RESULT_GONE,
        "deleted at Pictory",
    ),
)


def test_every_error_that_is_told_comes_with_words() -> None:
    assert all(row.says for row in REFUSALS)
    assert all(bool(look.says) == (look.error is not None) for look in LOOKS)


@pytest.mark.parametrize(
    "look", [pytest.param(one, id=f"{one.provider.partition('-')[0]} {one.id}") for one in LOOKS]
)
async def test_only_the_providers_own_verdict_ends_a_job(tmp_path: Path, look: Look) -> None:
    model = "useapi-pixverse/v4" if look.provider == A else "pictory/pixverse5.5"
    async with stage(tmp_path) as made:
        job_id = await asked(made, model=model, prompt="A quiet lake [[mock no-callback run=300s]]")
        await made.settle()
        remote_id = (await made.job(job_id)).remote_id
        assert remote_id is not None

        def meddle(request: httpx.Request) -> httpx.Response | None:
            if request.method != "GET":
                return None
            if look.id.startswith("not on the list") and "limit=" in str(request.url):
                return httpx.Response(200, json={"data": []})
            if isinstance(look.body, str):
                return httpx.Response(look.status, text=look.body)
            text = httpx.Response(look.status, json=look.body).text
            return httpx.Response(look.status, text=text.replace('"ID"', f'"{remote_id}"'))

        made.provider_wire.meddle = meddle
        await made.wait(60, step=5)
        video = await seen(made, job_id)
        looks = sum(1 for one in made.provider_wire.requests if one.method == "GET")
        assert looks > 0
        assert video["phase"] == look.phase
        if look.error is None:
            assert video["error"] is None
            # Whatever was said, the job goes on and is delivered.
            made.provider_wire.meddle = lambda _: None
            await made.wait(400, step=10)
            assert (await seen(made, job_id))["status"] == "completed"
        else:
            assert video["error"]["code"] == look.error.value
            assert video["error"]["blame"] == BLAME[look.error].value
            assert look.says in video["error"]["message"]
        assert len(made.mock.ledger.charges) == 1
