"""How tests speak to the mock: its two wires, pictures to send, and receivers of callbacks."""

import io
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import av
import httpx
from PIL import Image, ImageChops, ImageStat

from mockserver import World

PICTORY = {"Authorization": "pictai_test"}
USEAPI = {"Authorization": "Bearer user:1234-test"}
VIDEOS = "/v2/pixverse/videos"


class Client:
    """The requests that tests make most."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def pictory(self, prompt: str = "A drone over a forest", **body: Any) -> httpx.Response:
        return await self.http.post(
            "/pictoryapis/v1/aistudio/videos", json={"prompt": prompt, **body}, headers=PICTORY
        )

    async def pictory_id(self, prompt: str = "A drone over a forest", **body: Any) -> str:
        job_id: str = (await self.pictory(prompt, **body)).json()["data"]["jobId"]
        return job_id

    async def pictory_job(self, job_id: str) -> Any:
        return (await self.http.get(f"/pictoryapis/v1/jobs/{job_id}", headers=PICTORY)).json()

    async def upload(self, data: bytes, kind: str = "image/png") -> httpx.Response:
        return await self.http.post(
            "/v2/pixverse/files", content=data, headers=USEAPI | {"Content-Type": kind}
        )

    async def upload_path(self, data: bytes) -> str:
        path: str = (await self.upload(data)).json()["result"][0]["path"]
        return path

    async def text_video(self, prompt: str = "dawn", **body: Any) -> httpx.Response:
        return await self.http.post(
            f"{VIDEOS}/create-v4", json={"prompt": prompt, **body}, headers=USEAPI
        )

    async def frames_video(self, first: str, last: str, **body: Any) -> httpx.Response:
        return await self.http.post(
            f"{VIDEOS}/create-frames-v3",
            json={"first_frame_path": first, "last_frame_path": last, **body},
            headers=USEAPI,
        )

    async def useapi(self, path: str) -> httpx.Response:
        return await self.http.get(f"/v2/pixverse{path}", headers=USEAPI)


Open = Callable[..., AbstractAsyncContextManager[tuple[World, Client]]]
"""The type of the fixture `opened`."""


class Receiver:
    """A transport at whose other end every callback is kept and answered."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.urls: list[str] = []
        self.bodies: list[Any] = []

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.urls.append(str(request.url))
        self.bodies.append(json.loads(request.content))
        return httpx.Response(self.status, text="thanks")


def png(colour: str, size: tuple[int, int] = (64, 36)) -> bytes:
    """A picture with a pale square in its upper left, so that it has an up and a left."""
    picture = Image.new("RGB", size, colour)
    picture.paste("white", (0, 0, size[0] // 4, size[1] // 4))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def pictures(mp4: bytes) -> list[Image.Image]:
    """Every picture of a film, as decoded."""
    with av.open(io.BytesIO(mp4), "r") as container:
        return [
            frame.to_image()  # type: ignore[no-untyped-call]
            for frame in container.decode(video=0)
        ]


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures, of 255."""
    bands = ImageStat.Stat(ImageChops.difference(one, other.convert("RGB"))).mean
    return sum(bands) / len(bands)
