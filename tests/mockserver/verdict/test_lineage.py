import pytest

from mockserver.verdict import assert_chain, lineage
from tests.mockserver.verdict.hand import PNG, Hand, hand


async def segment(it: Hand, name: str, start: str | None = None) -> str:
    """Makes a segment from an uploaded picture; the path of its own last frame, uploaded."""
    fields = {} if start is None else {"first_frame_path": start}
    job = await it.made_at_pixverse(name, **fields)
    await it.end_well(job)
    still = await it.fetch(job, "last.png")
    assert still is not None
    return await it.upload(still.content)


async def test_a_last_frame_is_known_by_its_content_when_it_comes_back() -> None:
    async with hand() as it:
        frame = await segment(it, "Dawn")
        await segment(it, "Noon", frame)
        first, second = it.world.jobs
        (link,) = lineage(it.world).of(second.id)
        assert (link.origin, link.source, link.role) == ("last frame", first.id, "first")
        assert lineage(it.world).of(first.id) == ()
        it.world.assert_chain(2)


async def test_a_segment_that_starts_from_the_wrong_one_is_named() -> None:
    async with hand() as it:
        dawn = await segment(it, "Dawn")
        await segment(it, "Noon", dawn)
        await segment(it, "Dusk", dawn)
        with pytest.raises(AssertionError) as failed:
            assert_chain(it.world, 3)
        assert str(failed.value) == (
            "segment 3 started from segment 1's last frame, expected the end of segment 2"
        )


async def test_a_chain_that_is_too_short_or_starts_from_nothing_is_none() -> None:
    async with hand() as it:
        await segment(it, "Dawn")
        await segment(it, "Noon", await it.upload(PNG))
        await segment(it, "Dusk")
        with pytest.raises(AssertionError) as failed:
            assert_chain(it.world, 4)
        text = str(failed.value)
        assert "3 segments were completed, expected 4" in text
        assert "segment 2 started from an upload of unknown origin (first frame)" in text
        assert "segment 3 started from nothing" in text


async def test_links_and_extended_films_are_followed_too() -> None:
    async with hand() as it:
        first = await it.made_at_pixverse("Dawn")
        await it.end_well(first)
        second = await it.made_at_pixverse("Noon", endpoint="extend-v3", video_id=first.id)
        await it.end_well(second)
        url = f"http://mock.test/media/{second.order.media_name}.last.png"
        third = await it.made("Dusk falls", firstFrameImageUrl=url)
        await it.end_well(third)
        graph = lineage(it.world)
        assert [(link.origin, link.source) for link in graph.links] == [
            ("film", first.id),
            ("last frame", second.id),
        ]
        it.world.assert_chain(3)


async def test_failed_segments_are_no_part_of_a_chain() -> None:
    async with hand() as it:
        frame = await segment(it, "Dawn")
        await it.end_well(
            await it.made_at_pixverse("Noon [[mock fail=failed]]", first_frame_path=frame)
        )
        await segment(it, "Noon", frame)
        it.world.assert_chain(2)


async def test_a_picture_that_was_uploaded_twice_is_one_with_two_requests() -> None:
    async with hand() as it:
        await it.upload()
        await it.upload()
        await it.upload(b"refused")
        (uploaded,) = lineage(it.world).uploads
        assert uploaded.requests == (1, 2)


async def test_a_link_to_elsewhere_is_told_as_it_is() -> None:
    async with hand() as it:
        url = "https://example.com/a.png"
        job = await it.made("Dusk falls", firstFrameImageUrl=url)
        await it.end_well(job)
        (link,) = lineage(it.world).of(job.id)
        assert (link.origin, link.source, link.url) == ("elsewhere", None, url)
