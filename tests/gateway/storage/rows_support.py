"""What the tests of the storage share: jobs, accounts, attempts, and the time they came."""

from sqlalchemy import Connection

from gateway.model.inputs import StoredInput
from gateway.model.job import Choice, Job
from gateway.model.phases import INITIAL
from gateway.model.request import CreateVideo
from gateway.storage import accounts, jobs, ledger
from gateway.storage.accounts import FreeSlot
from gateway.storage.ledger import Attempt, Sent, State
from providers.contract import Account, Mode, Secret, VideoSpec

NOW = 1_800_000_000_000_000
SPEC = VideoSpec(
    model="m", mode=Mode.TEXT, prompt="a bay", seconds=5, aspect_ratio="16:9", resolution="720p"
)


def a_job(name: str = "video_1", *providers: str, created_at: int = NOW) -> Job:
    return Job(
        id=name,
        owner="tester",
        phase=INITIAL,
        request=CreateVideo(
            prompt="a bay", first_frame=StoredInput(digest="d", media_type="image/png")
        ),
        choices=tuple(Choice(provider=one, spec=SPEC) for one in providers or ("pictory",)),
        created_at=created_at,
        updated_at=created_at,
        due_at=created_at,
    )


def an_account(name: str, max_jobs: int, provider: str = "pictory") -> Account:
    return Account(
        name=name, provider=provider, key=Secret("k"), base_url="https://x", max_jobs=max_jobs
    )


def an_attempt(name: str, n: int = 1) -> Attempt:
    return Attempt(
        id=name,
        job_id="video_1",
        n=n,
        account="a",
        target="pictory/m",
        state=State.PREPARING,
        remote_id=None,
        claimed_id=None,
    )


def begin(connection: Connection, state: State, remote_id: str | None = None) -> None:
    """An attempt of the account `a`, sent just now, that has come so far."""
    accounts.sync(connection, [an_account("a", 1)])
    jobs.insert_job(connection, a_job())
    ledger.begin(connection, an_attempt("att_1"), FreeSlot("a", "pictory", 0), "h1", NOW)
    ledger.send(connection, "att_1", NOW, Sent(spec=SPEC), "digest")
    ledger.mark(connection, "att_1", state, remote_id=remote_id)
