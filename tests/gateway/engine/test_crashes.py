"""The process dies at each write, just before it or just after: nothing is lost or paid twice."""

import base64
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import Connection

from gateway.engine.loop import Claim
from gateway.model.phases import Phase
from gateway.storage import tables
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
CLIENT: Final = "https://client.test/hook"
NOTHING: Final = Claim(changes=[], ready=[], bound=[], groups=[], heard=[], rendered=[], notices=[])
"""What a look at the line answers when there is nothing to do; it writes nothing."""


class CrashError(BaseException):
    """The process is dead: whoever is running stops here, and nothing is written any more."""


class UndoneError(Exception):
    """Raised inside a transaction, so that it is rolled back."""


def crash_at(stage: Rig, write_number: int, *, after: bool) -> list[int]:
    """Die at the nth transaction, before or after its commit; how many there were."""
    database, write, count, dead = stage.tools.database, stage.tools.database.write, [0], [False]

    async def dying(run: Any, **options: Any) -> Any:
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
            answer = await write(counted, **options)
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
        await stage.until_ended(120, step=5)
    except (CrashError, httpx.HTTPError):
        return


@pytest.mark.parametrize("part", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("provider", "after"),
    [
        pytest.param("pixverse", False, id="pixverse-before"),
        pytest.param("pictory", True, id="pictory-after"),
        pytest.param("pixverse", True, id="pixverse-after", marks=pytest.mark.slow),
        pytest.param("pictory", False, id="pictory-before", marks=pytest.mark.slow),
    ],
)
async def test_a_crash_at_any_write_loses_no_job_and_pays_once(
    tmp_path: Path, provider: str, part: int, *, after: bool
) -> None:
    # Of a picture that comes with the request the mark is written before the job is.
    accepting = 2 if "first_frame" in REQUESTS[provider] else 1
    for number in range(part, 100, 2):
        folder = tmp_path / str(number)
        async with lasting() as mock:
            async with rig(folder, mock=mock) as stage:
                writes = crash_at(stage, number, after=after)
                await live(stage, REQUESTS[provider])
                del stage.tools.database.__dict__["write"]
                # Whatever the dead process had put on the disk, the next one can find.
                assert await orphans(stage) == []
            if writes[0] < number:
                break
            async with rig(folder, mock=mock) as stage:
                await survived(stage, accepted=number + after > accepting)
                assert await orphans(stage) == []
    else:
        raise AssertionError("a life has no end")

    assert number > 10


async def orphans(stage: Rig) -> list[str]:
    """Files on the disk that nobody needs and nothing will remove."""

    def read(connection: Connection) -> set[str]:
        return {row.digest for row in connection.execute(tables.holdings.select())}

    named = await stage.tools.database.read(read)
    return [one.name for one in stage.tools.media.folder.glob("??/*") if one.name[:64] not in named]


async def survived(stage: Rig, *, accepted: bool) -> None:
    """Let the next process live: whatever it finds, it finishes without help."""
    await stage.until_ended(1000, step=20)
    phases = [one.phase for one in await stage.every_job()]
    assert phases == ([Phase.COMPLETED] if accepted else [])
    assert len(stage.mock.ledger.charges) == accepted
    assert stage.submits() == accepted


CHAINS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "pictory": (
        {"model": "pictory/pixverse5.5", "prompt": "The harbour at dusk"},
        {"model": "pictory/veo3.1", "prompt": "And at night", "callback_url": CLIENT},
    ),
    "pixverse": (
        {"model": "useapi-pixverse/v4", "prompt": "The harbour at dusk", "first_frame": FRAME},
        {"model": "useapi-pixverse/v4", "prompt": "And at night", "callback_url": CLIENT},
    ),
}


async def live_as_chain(stage: Rig, provider: str) -> list[str]:
    """Make a video, and another from its last frame; the ids that were answered."""
    first, second = CHAINS[provider]
    answered: list[str] = []
    try:
        answered.append(await stage.create(**first))
        frame = {"video": answered[0], "frame": "last"}
        answered.append(await stage.create(**second, first_frame=frame))
        await stage.until_ended(180, step=10)
    except (CrashError, httpx.HTTPError):
        pass
    return answered


def hear(stage: Rig, told: list[bytes]) -> None:
    """Stand at the caller's URL."""

    def answer(request: httpx.Request) -> httpx.Response | None:
        if str(request.url) != CLIENT:
            return None
        told.append(request.content)
        return httpx.Response(200)

    stage.media_wire.meddle = answer


PARTS: Final = 5
"""A chain has many writes and films: each of these tests crashes at every fifth."""


@pytest.mark.parametrize(
    "part", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, PARTS + 1))]
)
@pytest.mark.parametrize(
    "after", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["before", "after"]
)
@pytest.mark.parametrize("provider", list(CHAINS))
async def test_a_crash_at_any_write_of_a_chain_loses_no_job_and_pays_once_for_each(
    tmp_path: Path, provider: str, part: int, *, after: bool
) -> None:
    for number in range(part, 100, PARTS):
        folder = tmp_path / str(number)
        told: list[bytes] = []
        async with lasting() as mock:
            async with rig(folder, mock=mock) as stage:
                hear(stage, told)
                writes = crash_at(stage, number, after=after)
                answered = await live_as_chain(stage, provider)
                del stage.tools.database.__dict__["write"]
            if writes[0] < number:
                break
            async with rig(folder, mock=mock) as stage:
                hear(stage, told)
                await chain_survived(stage, answered)
            assert len(set(told)) <= 1
    else:
        raise AssertionError("a life has no end")

    assert number > 20


async def chain_survived(stage: Rig, answered: list[str]) -> None:
    """Let the next process live: whatever it finds, it finishes without help."""
    await stage.until_ended(1200, step=20)
    stored = {one.id: one for one in await stage.every_job()}

    assert stored.keys() >= set(answered)
    # Stored, but the crash came before the answer.
    assert len(stored) <= len(answered) + 1
    assert {one.phase for one in stored.values()} <= {Phase.COMPLETED}
    assert stage.submits() == len(stage.mock.ledger.charges) == len(stored)
