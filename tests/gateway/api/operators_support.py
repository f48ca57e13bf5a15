"""What tests of operators share: a video that is stuck, and what can be done about it."""

from typing import Any

from gateway.model.job import Choice
from gateway.model.phases import Phase
from gateway.storage import Connection, accounts, ledger, orphans
from gateway.storage.ledger import Attempt, State
from gateway.storage.orphans import Orphan, Reason
from providers.contract import Mode, VideoSpec
from tests.gateway.api.conftest import EMAIL, PROMPT, Gate

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


def nobodys(remote_id: str, job_id: str = "video_1", found_at: int = 1) -> Orphan:
    """A film that was paid for besides the job's own."""
    return Orphan(
        account="pixverse",
        remote_id=remote_id,
        job_id=job_id,
        attempt_id=f"att_{job_id}",
        reason=Reason.DOUBLE,
        detail="two of one",
        url="https://example.com/film.mp4",
        found_at=found_at,
    )


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
        orphans.add(connection, nobodys(NOBODYS, job.id, now))

    await gate.tools.database.write(put)
    return job.id
