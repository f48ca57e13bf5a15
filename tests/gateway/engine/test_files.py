"""Uploaded files: their facts, their bytes once, their end."""

from pathlib import Path

import pytest

from gateway.engine import files
from gateway.model.errors import InvalidError
from gateway.model.phases import Phase
from gateway.storage import holdings
from tests.rig import picture, pixverse, rig

ME = "tester"


async def test_a_picture_is_kept_with_its_facts_and_found_by_its_owner_only(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as stage:
        kept = await files.keep(stage.tools, ME, picture(size=(64, 36)), "sea.png", "vision")

        assert (kept.media_type, kept.width, kept.height) == ("image/png", 64, 36)
        assert (kept.filename, kept.purpose, kept.owner) == ("sea.png", "vision", ME)
        assert kept.bytes == stage.tools.media.path(kept.digest).stat().st_size
        assert kept.duration_ms is None
        assert await files.find(stage.tools, ME, kept.id) == kept
        assert await files.find(stage.tools, "other", kept.id) is None
        assert not await files.remove(stage.tools, "other", kept.id)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"%PDF-1.7"])
async def test_what_is_neither_picture_nor_film_is_refused_and_not_kept(
    tmp_path: Path, content: bytes
) -> None:
    async with rig(tmp_path) as stage:
        with pytest.raises(InvalidError) as caught:
            await files.keep(stage.tools, ME, content, "a", "vision")

        assert [one.code for one in caught.value.errors] == ["bad_file"]
        assert [one for one in stage.tools.media.folder.rglob("*") if one.is_file()] == []


async def test_a_picture_larger_than_providers_take_is_refused(tmp_path: Path) -> None:
    async with rig(tmp_path) as stage:
        with pytest.raises(InvalidError):
            await files.keep(stage.tools, ME, picture(size=(4001, 8)), "a.png", "vision")


async def test_the_same_bytes_are_kept_once_under_an_id_for_each_upload(tmp_path: Path) -> None:
    async with rig(tmp_path) as stage:
        first = await files.keep(stage.tools, ME, picture(), "a.png", "vision")
        second = await files.keep(stage.tools, "other", picture(), "b.png", "vision")
        assert first.id != second.id
        assert first.digest == second.digest

        assert await files.remove(stage.tools, ME, first.id)
        assert stage.tools.media.path(first.digest).exists()
        assert not await files.remove(stage.tools, ME, first.id)
        assert await files.remove(stage.tools, "other", second.id)
        assert not stage.tools.media.path(first.digest).exists()


async def test_the_bytes_of_a_removed_file_stay_while_a_job_needs_them(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        file = await files.keep(stage.tools, ME, picture(), "a.png", "vision")
        job_id = await stage.create(prompt="The harbour at dusk", first_frame=file.id)
        assert await files.remove(stage.tools, ME, file.id)

        assert stage.tools.media.path(file.digest).exists()
        await stage.wait(90, step=5)
        assert (await stage.job(job_id)).phase is Phase.COMPLETED


async def test_files_are_listed_in_the_order_they_came_a_page_at_a_time(tmp_path: Path) -> None:
    async with rig(tmp_path) as stage:
        ids = [
            (await files.keep(stage.tools, ME, picture(), f"{n}.png", "vision")).id
            for n in range(5)
        ]
        await files.keep(stage.tools, "other", picture(), "x.png", "vision")

        first = await files.listing(stage.tools, ME, after=None, limit=2, ascending=True)
        assert ([one.id for one in first.items], first.has_more) == (ids[:2], True)
        rest = await files.listing(stage.tools, ME, after=ids[1], limit=3, ascending=True)
        assert ([one.id for one in rest.items], rest.has_more) == (ids[2:], False)
        newest = await files.listing(stage.tools, ME, after=ids[4], limit=10, ascending=False)
        assert [one.id for one in newest.items] == ids[3::-1]


async def test_a_file_whose_bytes_could_not_be_removed_is_finished_off_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path) as stage:
        file = await files.keep(stage.tools, ME, picture(), "a.png", "vision")

        def stuck(_: str) -> bool:
            raise OSError("read-only file system")

        monkeypatch.setattr(stage.tools.media, "drop", stuck)
        assert await files.remove(stage.tools, ME, file.id)
        assert await files.find(stage.tools, ME, file.id) is None
        path = stage.tools.media.path(file.digest)
        assert path.exists()

    async with rig(tmp_path) as stage:
        assert not path.exists()
        assert await stage.tools.database.read(holdings.doomed) == []
