"""How the two providers speak, as far as this program needs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from urllib.parse import quote

import httpx

State = Literal["running", "done", "failed"]


@dataclass(frozen=True)
class News:
    state: State
    url: str = ""


RUNNING = News("running")


@dataclass(frozen=True)
class Wish:
    prompt: str
    seed: int
    picture: str | None = None
    """The path of an upload to start from."""
    hook: str | None = None


class Api(Protocol):
    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def submit_path(self) -> str: ...

    @property
    def upload_path(self) -> str | None: ...

    @property
    def list_path(self) -> str: ...

    def order(self, wish: Wish) -> dict[str, Any]: ...

    def job_of(self, answer: Any) -> str: ...

    def look_path(self, job: str) -> str: ...

    def news(self, response: httpx.Response) -> News: ...

    def heard(self, body: Any) -> tuple[str, News]: ...

    def listed(self, answer: Any, wish: Wish) -> Sequence[str]: ...


class PictoryApi:
    submit_path = "/pictoryapis/v1/aistudio/videos"
    list_path = "/pictoryapis/v1/jobs"
    upload_path = None

    def __init__(self, key: str) -> None:
        self.headers = {"authorization": key}

    def order(self, wish: Wish) -> dict[str, Any]:
        hook = {"webhook": wish.hook} if wish.hook else {}
        return {"prompt": wish.prompt, **hook}

    def job_of(self, answer: Any) -> str:
        return str(answer["data"]["jobId"])

    def look_path(self, job: str) -> str:
        return f"/pictoryapis/v1/jobs/{job}"

    def news(self, response: httpx.Response) -> News:
        return self.heard(response.json())[1]

    def heard(self, body: Any) -> tuple[str, News]:
        data = body["data"]
        state = {"completed": "done", "failed": "failed", "cleaned": "failed"}
        found = state.get(data.get("status"), "running")
        return body["job_id"], News(found, data.get("url", ""))  # type: ignore[arg-type]

    def listed(self, answer: Any, wish: Wish) -> Sequence[str]:
        """Ids are all that the list tells; the key is this program's alone."""
        _ = wish
        return [str(item["data"]["jobId"]) for item in answer["items"]]


class PixverseApi:
    submit_path = "/v2/pixverse/videos/create-v4"
    list_path = "/v2/pixverse/videos"
    upload_path = "/v2/pixverse/files"

    def __init__(self, token: str, email: str = "ops@example.com") -> None:
        self.headers = {"authorization": f"Bearer {token}"}
        self._email = email

    def order(self, wish: Wish) -> dict[str, Any]:
        order: dict[str, Any] = {
            "email": self._email,
            "prompt": wish.prompt,
            "quality": "360p",
            "seed": wish.seed,
        }
        if wish.picture:
            order["first_frame_path"] = wish.picture
        if wish.hook:
            order["replyUrl"] = wish.hook
        return order

    def job_of(self, answer: Any) -> str:
        return str(answer["video_id"])

    def look_path(self, job: str) -> str:
        return f"/v2/pixverse/videos/{quote(job, safe=':@')}"

    def news(self, response: httpx.Response) -> News:
        return RUNNING if response.status_code == 404 else self.heard(response.json())[1]

    def heard(self, body: Any) -> tuple[str, News]:
        state = {1: "done", 7: "failed", 8: "failed"}.get(body["video_status"], "running")
        return body["video_id"], News(state, body["url"])  # type: ignore[arg-type]

    def listed(self, answer: Any, wish: Wish) -> Sequence[str]:
        return [
            str(video["video_id"])
            for video in answer["data"]
            if (video["prompt"], video["seed"]) == (wish.prompt, wish.seed)
        ]
