import io

import httpx
import pytest
from PIL import Image

from tests.mockserver.drivers import Open, difference, pictures, png

LOCAL = "http://127.0.0.1:9/frame.png"


def answering(status: int, body: bytes) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _: httpx.Response(status, content=body))


def failing(error: type[httpx.TransportError]) -> httpx.MockTransport:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("no", request=request)

    return httpx.MockTransport(fail)


UNREADABLE = {
    "missing": answering(404, b""),
    "moved": answering(302, b""),
    "a page": answering(200, b"<html>"),
    "half a picture": answering(200, png("red")[:60]),
    "nobody there": failing(httpx.ConnectError),
    "too slow": failing(httpx.ReadTimeout),
}


@pytest.mark.parametrize("transport", UNREADABLE.values(), ids=UNREADABLE)
async def test_an_input_within_reach_that_cannot_be_read_fails_the_job(
    opened: Open, transport: httpx.MockTransport
) -> None:
    async with opened(inputs=transport) as (mock, client):
        job_id = await client.pictory_id(firstFrameImageUrl=LOCAL)
        await mock.advance(5)

        answer = await client.pictory_job(job_id)
        assert answer["success"] is False
        assert answer["data"]["status"] == "failed"
        assert LOCAL in answer["data"]["error_message"]
        assert mock.ledger.total == {"pictory": 0}
        await mock.advance(100)
        assert await client.pictory_job(job_id) == answer


async def test_an_input_is_fetched_when_rendering_starts_and_not_before(opened: Open) -> None:
    fetched: list[str] = []

    def serve(request: httpx.Request) -> httpx.Response:
        fetched.append(str(request.url))
        return httpx.Response(200, content=png("red"))

    async with opened(inputs=httpx.MockTransport(serve)) as (mock, client):
        urls = [LOCAL, "https://example.com/far.png"]
        await client.pictory(referenceImageUrls=urls)
        await mock.advance(4)
        assert fetched == []
        await mock.advance(46)

        assert fetched == [LOCAL]
        (job,) = mock.jobs
        assert job.phase.value == "completed"
        assert [source.data is None for source in job.material] == [False, True]


async def test_a_film_is_no_picture_and_a_picture_no_film(opened: Open) -> None:
    async with opened(inputs=answering(200, png("red"))) as (mock, client):
        job_id = await client.pictory_id(extendVideoUrl=LOCAL)
        await mock.advance(50)

        message = (await client.pictory_job(job_id))["data"]["error_message"]
        assert message.endswith("is not a video")


async def test_results_of_the_mock_itself_are_inputs_for_the_next_job(opened: Open) -> None:
    async with opened(inputs=failing(httpx.ConnectError)) as (mock, client):
        first = await client.pictory_id("sunrise over the sea")
        await mock.advance(50)
        done = (await client.pictory_job(first))["data"]
        chained = [
            await client.pictory_id(firstFrameImageUrl=done["lastFrameImageUrl"]),
            await client.pictory_id(extendVideoUrl=done["url"]),
        ]
        await mock.advance(50)

        end = Image.open(io.BytesIO((await client.http.get(done["lastFrameImageUrl"])).content))
        for job_id in chained:
            url = (await client.pictory_job(job_id))["data"]["url"]
            start = pictures((await client.http.get(url)).content)[0]
            assert difference(start, end) < 4


async def test_an_upload_that_only_looks_like_a_picture_fails_its_job(opened: Open) -> None:
    async with opened() as (mock, client):
        path = await client.upload_path(png("red")[:60])
        await client.frames_video(path, path)
        await mock.advance(50)

        assert [job.phase.value for job in mock.jobs] == ["failed"]
        assert mock.ledger.total == {"pixverse": 0}
