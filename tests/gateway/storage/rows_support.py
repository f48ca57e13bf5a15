"""What the tests of the storage share: a job, an account, an attempt, and the time they came."""

from gateway.model.inputs import StoredInput
from gateway.model.job import Choice, Job
from gateway.model.phases import INITIAL
from gateway.model.request import CreateVideo
from gateway.storage.ledger import Attempt, State
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
