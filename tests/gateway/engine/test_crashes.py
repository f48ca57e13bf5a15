"""The process dies at each write, just before it or just after: nothing is lost or paid twice."""

import base64
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import Connection

from gateway.model.phases import Phase
from gateway.storage import jobs
from tests.rig import Rig, lasting, picture, rig

FRAME = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
REQUESTS: dict[str, dict[str, Any]] = {
    "pictory": {"model": "pictory/pixverse5.5", "prompt": "The harbour at dusk"},
    "pixverse": {
        "model": "useapi-pixverse/v3.5",
        "prompt": "The harbour at dusk",
        "first_frame": FRAME,
        "last_frame": FRAME,
    },
}
NOTHING: Final[tuple[list[object], ...]] = ([], [], [])
"""What a look at the line answers when there is nothing to do; it writes nothing."""


class CrashError(BaseException):
    """The process is dead: whoever is running stops here, and nothing is written any more."""


class UndoneError(Exception):
    """Raised inside a transaction, so that it is rolled back."""


def crash_at(stage: Rig, write_number: int, *, after: bool) -> list[int]:
    """Die at the nth transaction, before or after its commit; how many there were."""
    database, write, count, dead = stage.tools.database, stage.tools.database.write, [0], [False]

    async def dying(run: Any) -> Any:
        if dead[0]:
            raise CrashError
        mine = []

        def counted(connection: Connection) -> Any:
            answer = run(connection)
            if answer != NOTHING:
                count[0] += 1
                mine.append(count[0])
                if count[0] == write_number and not after:
                    raise UndoneError
            return answer

        try:
            answer = await write(counted)
        except UndoneError:
            dead[0] = True
            raise CrashError from None
        if write_number in mine:
            dead[0] = True
            raise CrashError
        return answer

    database.__dict__["write"] = dying
    return count


async def live(stage: Rig, request: dict[str, Any]) -> None:
    """Accept a job and let two minutes go by, or less."""
    try:
        await stage.create(**request)
        await stage.wait(120, step=5)
    except (CrashError, httpx.HTTPError):
        return


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("provider", list(REQUESTS))
async def test_a_crash_at_any_write_loses_no_job_and_pays_once(
    tmp_path: Path, provider: str, *, after: bool
) -> None:
    unknown = 0
    for number in range(1, 100):
        folder = tmp_path / str(number)
        async with lasting() as mock:
            async with rig(folder, mock=mock) as stage:
                writes = crash_at(stage, number, after=after)
                await live(stage, REQUESTS[provider])
                del stage.tools.database.__dict__["write"]
            if writes[0] < number:
                break
            async with rig(folder, mock=mock) as stage:
                unknown += await survived(stage, accepted=number > 1 or after)
    else:
        raise AssertionError("a life has no end")

    assert number > 10
    # Dead between the stored intent and the stored outcome: the callback alone can tell.
    assert unknown <= 1


async def survived(stage: Rig, *, accepted: bool) -> bool:
    """Let the next process live; check the outcome. Whether people have to look at the job."""
    await stage.settle()
    await stage.wait(2000, step=100)
    stored = await stage.tools.database.read(
        lambda connection: [one for phase in Phase for one in jobs.in_phase(connection, phase)]
    )

    assert len(stored) == (1 if accepted else 0)
    assert len(stage.mock.ledger.charges) <= 1
    assert stage.submits() <= 1
    if not accepted or stored[0].phase is Phase.COMPLETED:
        assert len(stage.mock.ledger.charges) == accepted
        return False
    assert stored[0].phase is Phase.NEEDS_ATTENTION
    assert stored[0].error is not None
    assert stored[0].error.code == "submission_unknown"
    return True
