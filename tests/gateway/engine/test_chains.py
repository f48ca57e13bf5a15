"""Videos made from other videos: they wait for these, without a slot, and take what they need."""

import asyncio
import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gateway import frames
from gateway.engine import sources, stills
from gateway.engine.remove import remove
from gateway.frames import NoStill
from gateway.model.errors import InvalidError
from gateway.model.ids import digest
from gateway.model.phases import Phase
from gateway.storage import holdings
from mockserver import World
from mockserver.media.film import pictures_of
from tests.rig import Rig, asked, pictory, picture, pixverse, rig

PROMPT = "The harbour at dusk"
PICTURE = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
SOURCE: dict[str, Any] = {"model": "useapi-pixverse/v4", "prompt": PROMPT, "first_frame": PICTURE}
TARGETS = ["useapi-pixverse/v4", "pictory/pixverse5.5"]


def last_of(video: str) -> dict[str, str]:
    return {"video": video, "frame": "last"}


async def ended(stage: Rig, *ids: str) -> list[Phase]:
    await stage.wait(300, step=10)
    return [(await stage.job(one)).phase for one in ids]


async def codes(stage: Rig, **body: Any) -> dict[str, str]:
    """Why a request is refused: code by pointer."""
    with pytest.raises(InvalidError) as caught:
        await stage.create(**body)
    return {one.pointer: one.code for one in caught.value.errors}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("which", ["first", "last"])
async def test_a_video_starts_at_a_frame_of_one_that_is_still_in_the_making(
    tmp_path: Path, target: str, which: str
) -> None:
    async with rig(tmp_path) as stage:
        source = await stage.create(**SOURCE)
        job_id = await stage.create(
            model=target, prompt=PROMPT, first_frame={"video": source, "frame": which}
        )
        await stage.settle()
        waiting = await stage.job(job_id)
        assert waiting.phase is Phase.WAITING_FOR_INPUT
        assert waiting.attempts == 0

        assert await ended(stage, source, job_id) == [Phase.COMPLETED] * 2
        film = (await stage.job(source)).result
        assert film is not None
        pictures = list(pictures_of(stage.tools.media.path(film.digest).read_bytes()))
        kept = (await stage.job(job_id)).kept["/first_frame"]
        still = Image.open(BytesIO(stage.tools.media.path(kept.digest).read_bytes()))
        assert still.tobytes() == pictures[0 if which == "first" else -1].tobytes()
        assert len(stage.mock.ledger.charges) == 2
        assert (await stage.events(job_id))[:3] == ["created", "sources_ready", "slot_bound"]


@pytest.mark.parametrize("target", ["useapi-pixverse/v3.5", "pictory/veo3.1"])
async def test_a_finished_video_is_extended_whole(tmp_path: Path, target: str) -> None:
    async with rig(tmp_path) as stage:
        source = await stage.create(**SOURCE)
        await stage.wait(120, step=10)
        job_id = await stage.create(model=target, prompt=PROMPT, extend_video={"video": source})

        assert await ended(stage, job_id) == [Phase.COMPLETED]
        film, job = (await stage.job(source)).result, await stage.job(job_id)
        assert film is not None
        assert job.kept["/extend_video"].digest == film.digest


async def test_a_chain_of_three_is_made_in_order_with_one_slot(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse(max_jobs=1)]) as stage:
        first = await stage.create(**SOURCE)
        second = await stage.create(prompt=PROMPT, first_frame=last_of(first))
        third = await stage.create(prompt=PROMPT, first_frame=last_of(second))

        assert await ended(stage, first, second, third) == [Phase.COMPLETED] * 3
        times = [(await stage.job(one)).completed_at or 0 for one in (first, second, third)]
        assert times == sorted(times)


async def test_the_end_of_a_source_wakes_whoever_waits_for_it_at_once(tmp_path: Path) -> None:
    async with rig(tmp_path) as stage:
        source = await stage.create(**SOURCE)
        job_id = await stage.create(prompt=PROMPT, first_frame=last_of(source))
        while (await stage.job(source)).phase is not Phase.COMPLETED:
            await stage.wait(1)

        assert (await stage.job(job_id)).attempts == 1


async def test_what_is_made_from_a_failed_video_fails_with_its_reason_and_costs_nothing(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as stage:
        source = await stage.create(prompt=f"{PROMPT} [[mock fail=moderated]]")
        second = await stage.create(prompt=PROMPT, first_frame=last_of(source))
        third = await stage.create(prompt=PROMPT, first_frame=last_of(second))

        assert await ended(stage, source, second, third) == [Phase.FAILED] * 3
        for job_id, named in ((second, source), (third, second)):
            error = (await stage.job(job_id)).error
            assert error is not None
            assert error.code == "source_failed"
            assert named in error.message
        assert stage.submits() == 1
        assert await codes(stage, prompt=PROMPT, first_frame=last_of(source)) == {
            "/first_frame": "source_failed"
        }


async def test_what_is_made_from_a_video_that_is_removed_fails(tmp_path: Path) -> None:
    async with rig(tmp_path) as stage:
        source = await stage.create(**SOURCE)
        await stage.wait(120, step=10)
        job_id = await stage.create(prompt=PROMPT, first_frame=last_of(source))
        assert await remove(stage.tools, "tester", source)
        await stage.settle()

        job = await stage.job(job_id)
        assert job.phase is Phase.FAILED
        assert job.error is not None
        assert "removed" in job.error.message


async def test_videos_of_others_are_unknown_and_every_fault_is_told(tmp_path: Path) -> None:
    async with rig(tmp_path) as stage:
        theirs = (await stage.engine.accept(asked(SOURCE), "somebody else")).job.id

        assert await codes(
            stage,
            model="useapi-pixverse/v3.5",
            prompt=PROMPT,
            first_frame=last_of(theirs),
            last_frame=last_of("video_00000000000000000000000000"),
        ) == {"/first_frame": "unknown_video", "/last_frame": "unknown_video"}


async def test_without_the_decoder_a_frame_of_a_video_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path) as stage:
        source = await stage.create(**SOURCE)
        monkeypatch.setattr(frames, "available", lambda: False)

        assert await codes(stage, prompt=PROMPT, first_frame=last_of(source)) == {
            "/first_frame": "stills_unavailable"
        }


async def test_a_still_that_cannot_be_cut_is_tried_again_and_then_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    async def broken(*_: object) -> None:
        nonlocal tries
        tries += 1
        raise NoStill("the film is odd")

    async with rig(tmp_path) as stage:
        monkeypatch.setattr(frames, "cut", broken)
        source = await stage.create(**SOURCE)
        job_id = await stage.create(prompt=PROMPT, first_frame=last_of(source))
        assert await ended(stage, job_id) == [Phase.FAILED]

        error = (await stage.job(job_id)).error
        assert tries == sources.TRIES
        assert error is not None
        assert "the film is odd" in error.message


async def test_a_still_that_can_be_cut_the_second_time_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut, failures = frames.cut, [NoStill("busy"), OSError("disk full"), ZeroDivisionError()]

    async def moody(*values: Any) -> None:
        if failures:
            raise failures.pop()
        await cut(*values)

    async with rig(tmp_path) as stage:
        monkeypatch.setattr(frames, "cut", moody)
        source = await stage.create(**SOURCE)
        job_id = await stage.create(prompt=PROMPT, first_frame=last_of(source))

        assert await ended(stage, job_id) == [Phase.COMPLETED]
        assert not failures


async def test_a_source_that_is_removed_while_its_frame_is_cut_leaves_no_row_without_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut, reached, go_on = frames.cut, asyncio.Event(), asyncio.Event()

    async def slow(*values: Any) -> None:
        reached.set()
        await go_on.wait()
        await cut(*values)

    async with rig(tmp_path) as stage:
        source = await stage.create(**SOURCE)
        await stage.wait(120, step=10)
        job_id = await stage.create(prompt=PROMPT, first_frame=last_of(source))
        monkeypatch.setattr(frames, "cut", slow)
        turn = asyncio.create_task(stage.engine.turn())
        await reached.wait()
        assert await remove(stage.tools, "tester", source)
        go_on.set()
        await turn

        assert await ended(stage, job_id) == [Phase.COMPLETED]


async def test_whoever_asks_for_the_same_still_shares_one_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut, children = frames.cut, []

    async def counted(*values: Any) -> None:
        children.append(values[1])
        await cut(*values)

    async with rig(tmp_path) as stage:
        source = await stage.create(**SOURCE)
        await stage.wait(120, step=10)
        film = (await stage.job(source)).result
        assert film is not None
        monkeypatch.setattr(frames, "cut", counted)
        paths = await asyncio.gather(
            *(stills.still(stage.tools, film.digest, "last") for _ in range(5)),
            stills.still(stage.tools, film.digest, "first"),
        )
        again = await stills.still(stage.tools, film.digest, "last")

        assert set(paths) == {
            stage.tools.media.still(film.digest, "first"),
            stage.tools.media.still(film.digest, "last"),
        }
        assert again == paths[0]
        assert sorted(children) == ["first", "last"]

        assert await remove(stage.tools, "tester", source)
        assert not any(path.exists() for path in paths)
        with pytest.raises(NoStill, match="not there any more"):
            await stills.still(stage.tools, film.digest, "last")


@pytest.mark.parametrize("account", ["pixverse", "pictory"])
async def test_a_restart_takes_up_what_waits_for_a_video(
    tmp_path: Path, lasting_mock: World, account: str
) -> None:
    accounts = [pixverse() if account == "pixverse" else pictory()]
    async with rig(tmp_path, accounts=accounts, mock=lasting_mock) as stage:
        source = await stage.create(prompt=PROMPT)
        job_id = await stage.create(prompt=PROMPT, first_frame=last_of(source))
        await stage.settle()

    async with rig(tmp_path, accounts=accounts, mock=lasting_mock) as stage:
        assert await ended(stage, source, job_id) == [Phase.COMPLETED] * 2
        assert len(stage.mock.ledger.charges) == 2


async def test_a_full_disk_of_ours_ends_no_job_however_long_it_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    async def full(*_: object) -> None:
        nonlocal tries
        tries += 1
        raise OSError("No space left on device")

    async with rig(tmp_path) as stage:
        source = await stage.create(**SOURCE)
        job_id = await stage.create(prompt=PROMPT, first_frame=last_of(source))
        with monkeypatch.context() as patch:
            patch.setattr(frames, "cut", full)
            assert await ended(stage, job_id) == [Phase.WAITING_FOR_INPUT]
        assert tries > sources.TRIES
        assert (await stage.job(job_id)).failures == 0

        assert await ended(stage, job_id) == [Phase.COMPLETED]


async def test_a_frame_that_was_saved_goes_where_the_other_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = frames.cut

    async def half(film: Path, which: Any, out: Path) -> None:
        if which == "first":
            raise NoStill("the film is odd")
        await cut(film, which, out)

    async with rig(tmp_path) as stage:
        monkeypatch.setattr(frames, "cut", half)
        one, two = await stage.create(**SOURCE), await stage.create(**SOURCE)
        job_id = await stage.create(
            model="useapi-pixverse/v4",
            prompt=PROMPT,
            first_frame=last_of(one),
            last_frame={"video": two, "frame": "first"},
        )
        assert await ended(stage, job_id) == [Phase.FAILED]
        film = (await stage.job(one)).result
        assert film is not None
        still = await asyncio.to_thread(stage.tools.media.still(film.digest, "last").read_bytes)

        assert not stage.tools.media.path(digest(still)).exists()
        assert await stage.tools.database.read(holdings.doomed) == []
