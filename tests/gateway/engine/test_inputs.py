"""Pictures and films on their way to providers: brought once, in order, in the right form."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.engine import files
from gateway.engine.outcomes import INPUT_TRIES
from gateway.engine.remove import remove
from gateway.model.errors import InvalidError
from gateway.model.ids import digest
from gateway.model.inputs import StoredInput
from gateway.model.phases import Phase
from gateway.net import DownloadFailed
from gateway.net.spool import Spool
from mockserver import World
from tests.rig import Rig, is_submit, pictory, picture, pixverse, rig

PROMPT = "The harbour at dusk"


def inline(content: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


ORANGE, NAVY, TEAL = (inline(picture(one)) for one in ("orange", "navy", "teal"))


def uploads(stage: Rig) -> list[httpx.Request]:
    return [one for one in stage.provider_wire.requests if "files" in one.url.path]


def sent(stage: Rig) -> dict[str, Any]:
    """The body of the last submission."""
    request = [one for one in stage.provider_wire.requests if is_submit(one)][-1]
    body: dict[str, Any] = httpx.Response(200, content=request.content).json()
    return body


def serve(stage: Rig, content: bytes) -> list[httpx.Request]:
    """Have every picture behind `pictures.test` be this one; the requests for it."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.url.host != "pictures.test":
            return None
        asked.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(content))

    stage.media_wire.meddle = answer
    return asked


async def film(stage: Rig) -> bytes:
    """The bytes of a finished video."""
    source = await stage.create(model="pictory/veo3.1", prompt=PROMPT)
    await stage.wait(200, step=10)
    result = (await stage.job(source)).result
    assert result is not None
    return stage.tools.media.path(result.digest).read_bytes()


async def codes(stage: Rig, **body: Any) -> dict[str, str]:
    with pytest.raises(InvalidError) as caught:
        await stage.create(**body)
    return {one.pointer: one.code for one in caught.value.errors}


async def test_reference_pictures_reach_the_provider_in_the_order_they_were_given(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as stage:
        file = await files.keep(stage.tools, "tester", picture("navy"), "navy.png", "vision")
        job_id = await stage.create(
            model="pictory/veo3.1",
            prompt=PROMPT,
            reference_images=[ORANGE, "https://pictures.test/a.png", file.id],
        )
        await stage.settle()

        first, second, third = sent(stage)["referenceImageUrls"]
        orange, navy = stage.tools.media.save(picture("orange")), file.digest
        assert f"/v1/files/signed/{orange}.png?" in first
        assert second == "https://pictures.test/a.png"
        assert f"/v1/files/signed/{navy}.png?" in third
        given = (await stage.job(job_id)).request.reference_images
        assert given[2] == StoredInput(digest=navy, media_type="image/png", file_id=file.id)


@pytest.mark.parametrize("model", ["pictory/veo3.1", "useapi-pixverse/v3.5"])
async def test_an_uploaded_film_is_extended(tmp_path: Path, model: str) -> None:
    async with rig(tmp_path) as stage:
        content = await film(stage)
        file = await files.keep(stage.tools, "tester", content, "a.mp4", "vision")
        job_id = await stage.create(model=model, prompt=PROMPT, extend_video=file.id)
        again = await stage.create(
            model=model, prompt=PROMPT, extend_video=inline(content, "video/mp4")
        )
        await stage.wait(200, step=10)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED
        assert (await stage.job(again)).phase is Phase.COMPLETED
        types = [one.headers["content-type"] for one in uploads(stage)]
        assert types == (["video/mp4"] if model.startswith("useapi") else [])


async def test_two_jobs_and_two_roles_with_one_picture_upload_it_once(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse(max_jobs=5)]) as stage:
        for _ in range(3):
            await stage.create(prompt=PROMPT, first_frame=ORANGE, last_frame=ORANGE)
        await stage.engine.turn()

        assert stage.submits() == 3
        assert len(uploads(stage)) == 1
        assert sent(stage)["first_frame_path"] == sent(stage)["last_frame_path"]


async def test_an_upload_that_fails_is_made_by_the_next_who_wants_it(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse(max_jobs=2)]) as stage:
        broken = [httpx.Response(502, text="oops")]
        stage.provider_wire.meddle = lambda request: (
            broken.pop() if broken and "files" in request.url.path else None
        )
        ids = [await stage.create(prompt=PROMPT, first_frame=ORANGE) for _ in range(2)]
        await stage.wait(120, step=5)

        assert {(await stage.job(one)).phase for one in ids} == {Phase.COMPLETED}
        assert len(uploads(stage)) == 2


async def test_a_picture_behind_a_url_is_fetched_once_for_a_job_whatever_happens_to_it(
    tmp_path: Path, lasting_mock: World
) -> None:
    async with rig(tmp_path, accounts=[pixverse()], mock=lasting_mock) as stage:
        asked = serve(stage, picture("teal"))
        url = "https://pictures.test/a.png"
        job_id = await stage.create(
            prompt=f"{PROMPT} [[mock throttle=2]]", first_frame=url, last_frame=url
        )
        await stage.wait(15)
        assert (await stage.job(job_id)).attempts == 2
        assert len(asked) == 1
        kept = (await stage.job(job_id)).kept
        assert kept["/first_frame"].digest == stage.tools.media.save(picture("teal"))

    async with rig(tmp_path, accounts=[pixverse()], mock=lasting_mock) as stage:
        again = serve(stage, picture("teal"))
        await stage.wait(200, step=5)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED
        assert again == []


async def test_a_picture_that_was_fetched_still_goes_by_its_own_url_to_who_takes_urls(
    tmp_path: Path,
) -> None:
    route = {"default": ("useapi-pixverse/v4", "pictory/veo3.1")}
    async with rig(tmp_path, routes=route) as stage:
        serve(stage, picture("teal"))
        stage.provider_wire.meddle = lambda request: (
            httpx.Response(429, json={"error": "full"})
            if is_submit(request) and "pixverse" in request.url.path
            else None
        )
        job_id = await stage.create(prompt=PROMPT, first_frame="https://pictures.test/a.png")
        await stage.settle()

        job = await stage.job(job_id)
        assert list(job.kept) == ["/first_frame"]
        assert job.account == "pictory-main"
        assert sent(stage)["firstFrameImageUrl"] == "https://pictures.test/a.png"


async def test_what_a_job_fetched_goes_with_it(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        serve(stage, picture("teal"))
        job_id = await stage.create(prompt=PROMPT, first_frame="https://pictures.test/a.png")
        await stage.wait(90, step=5)
        fetched = stage.tools.media.path((await stage.job(job_id)).kept["/first_frame"].digest)
        assert fetched.exists()
        assert await remove(stage.tools, "tester", job_id)

        assert not fetched.exists()
        assert [one for one in stage.tools.media.folder.rglob("*") if one.is_file()] == []


async def test_a_refused_submission_uploads_every_input_again_next_time(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        for n in range(2):
            await stage.create(
                prompt=f"{PROMPT} [[mock refuse=422]] {n}", first_frame=ORANGE, last_frame=NAVY
            )
            await stage.settle()

        assert len(uploads(stage)) == 4


async def test_the_wrong_kind_of_media_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    async with rig(tmp_path) as stage:
        content = await film(stage)
        moving = await files.keep(stage.tools, "tester", content, "a.mp4", "vision")
        still = await files.keep(stage.tools, "tester", picture(), "a.png", "vision")

        assert await codes(stage, prompt=PROMPT, first_frame=moving.id, last_frame=TEAL) == {
            "/first_frame": "wrong_media"
        }
        assert await codes(stage, prompt=PROMPT, extend_video=still.id) == {
            "/extend_video": "wrong_media"
        }
        assert await codes(stage, prompt=PROMPT, reference_images=[ORANGE, moving.id]) == {
            "/reference_images/1": "wrong_media"
        }


async def test_a_film_behind_the_url_of_a_picture_fails_the_job_unpaid(tmp_path: Path) -> None:
    async with rig(tmp_path) as stage:
        serve(stage, await film(stage))
        before = stage.submits()
        job_id = await stage.create(
            model="useapi-pixverse/v4", prompt=PROMPT, first_frame="https://pictures.test/a"
        )
        await stage.settle()

        job = await stage.job(job_id)
        assert job.phase is Phase.FAILED
        assert job.error is not None
        assert "a picture is needed here" in job.error.message
        assert stage.submits() == before


async def test_files_that_are_not_there_or_anothers_are_unknown(tmp_path: Path) -> None:
    async with rig(tmp_path) as stage:
        theirs = await files.keep(stage.tools, "somebody", picture(), "a.png", "vision")
        gone = await files.keep(stage.tools, "tester", picture("navy"), "b.png", "vision")
        assert await files.remove(stage.tools, "tester", gone.id)

        assert await codes(stage, prompt=PROMPT, first_frame=theirs.id, last_frame=gone.id) == {
            "/first_frame": "unknown_file",
            "/last_frame": "unknown_file",
        }


async def test_a_file_removed_while_a_job_with_it_is_accepted_is_unknown_or_kept(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        for _ in range(20):
            file = await files.keep(stage.tools, "tester", picture(), "a.png", "vision")
            made, _ = await asyncio.gather(
                stage.create(prompt=PROMPT, first_frame=file.id),
                files.remove(stage.tools, "tester", file.id),
                return_exceptions=True,
            )
            if isinstance(made, str):
                assert stage.tools.media.path(file.digest).exists()
            else:
                assert isinstance(made, InvalidError)
                assert made.errors[0].code == "unknown_file"


async def test_a_full_disk_of_ours_is_never_held_against_a_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DownloadFailed("cannot write the file: disk full", retry=True, ours=True)

    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        serve(stage, picture("teal"))
        job_id = await stage.create(prompt=PROMPT, first_frame="https://pictures.test/a.png")
        with monkeypatch.context() as patch:
            patch.setattr(Spool, "write", full)
            await stage.wait(120, step=5)
        job = await stage.job(job_id)
        assert (job.phase, job.failures) == (Phase.WAITING_FOR_SLOT, 0)
        assert (await stage.events(job_id)).count("held_back") > INPUT_TRIES
        await stage.wait(120, step=5)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED


@pytest.mark.parametrize("target", ["useapi-pixverse/v4", "pictory/veo3.1"])
async def test_a_job_whose_bytes_are_missing_fails_with_words(tmp_path: Path, target: str) -> None:
    async with rig(tmp_path) as stage:
        job_id = await stage.create(model=target, prompt=PROMPT, first_frame=NAVY)
        given = (await stage.job(job_id)).request.given[0].value
        assert isinstance(given, StoredInput)
        stage.tools.media.path(given.digest).unlink()
        while await stage.engine.turn():
            pass

        job = await stage.job(job_id)
        assert job.phase is Phase.FAILED
        assert job.error is not None
        assert "missing from the gateway's store" in job.error.message
        assert stage.submits() == 0


async def test_a_store_that_cannot_be_reached_fails_no_job(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        job_id = await stage.create(prompt=PROMPT, first_frame=NAVY)
        folder = stage.tools.media.folder
        away = folder.rename(folder.with_name("away"))
        while await stage.engine.turn():
            pass
        assert (await stage.job(job_id)).phase is Phase.WAITING_FOR_SLOT
        away.rename(folder)
        await stage.wait(120, step=5)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED


async def test_an_accept_that_is_cut_short_leaves_bytes_for_the_next_start_to_remove(
    tmp_path: Path, lasting_mock: World
) -> None:
    async with rig(tmp_path, accounts=[pixverse()], mock=lasting_mock) as stage:
        write, reached = stage.tools.database.write, asyncio.Event()

        async def stuck(run: Any, **options: Any) -> Any:
            # The first is the mark; the second would be the job.
            stage.tools.database.__dict__["write"] = never
            return await write(run, **options)

        async def never(*_: Any, **__: Any) -> Any:
            reached.set()
            await asyncio.Event().wait()

        stage.tools.database.__dict__["write"] = stuck
        accepting = asyncio.create_task(stage.create(prompt=PROMPT, first_frame=TEAL))
        await reached.wait()
        accepting.cancel()
        await asyncio.wait([accepting])
        del stage.tools.database.__dict__["write"]
        path = stage.tools.media.path(digest(picture("teal")))
        assert path.exists()

    async with rig(tmp_path, accounts=[pixverse()], mock=lasting_mock):
        assert not path.exists()
