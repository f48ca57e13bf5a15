"""A client of the gateway's own API, for the command line."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, Final, Self
from urllib.parse import quote as percent

import httpx
import msgspec

USER_AGENT: Final = "filmgate-cli"
SECONDS: Final = 60.0
PAGE: Final = 100
"""The most that a list answers at once."""
UNANSWERED: Final = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)
"""What a gateway that cannot answer right now says, or the proxy before it."""


class ClientError(Exception):
    """The gateway could not be asked, or said no; the message is fit to be shown.

    Attributes:
        status: The HTTP status of its answer; 0 where there was none.
        retry_after: Seconds to wait before the same is asked again; None where it must not be,
            or where that would change nothing.
        unknown: Whether what was asked for may have been done all the same.
    """

    def __init__(
        self,
        message: str,
        status: int = 0,
        retry_after: float | None = None,
        *,
        unknown: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        failed = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        self.unknown = unknown or failed or retry_after is not None


class GatewayClient:
    """Talks to one gateway. Every method raises `ClientError`.

    Args:
        url: Where the gateway is, such as `http://127.0.0.1:8080`.
        key: An API key, where it asks for one.
    """

    def __init__(self, url: str, key: str | None = None) -> None:
        headers = {"user-agent": USER_AGENT}
        if key:
            headers["authorization"] = f"Bearer {key}"
        self.url = url.rstrip("/")
        try:
            self._client = httpx.Client(
                base_url=self.url, headers=headers, timeout=SECONDS, trust_env=False
            )
        except (httpx.InvalidURL, UnicodeError, ValueError):
            raise ClientError(f"not a usable URL or key: {url}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def create(self, body: dict[str, Any], key: str | None = None) -> dict[str, Any]:
        """Ask for a video; the accepted job. A `Path` in the body is sent as a file.

        Asked again with the same idempotency key, the same body makes no second video.
        """
        made = self._sent("/v1/videos", body, {"idempotency-key": key} if key else {})
        if not isinstance(made.get("id"), str):
            words = "the answer names no video, so it is not from a Filmgate"
            raise ClientError(words, unknown=True)
        return made

    def quote(self, body: dict[str, Any]) -> dict[str, Any]:
        """What a request would lead to."""
        return self._sent("/v1/videos/quote", body)

    def models(self) -> list[dict[str, Any]]:
        """What the gateway can make."""
        found: list[dict[str, Any]] = self._json("GET", "/v1/models")["data"]
        return found

    @contextmanager
    def holding(self, body: dict[str, Any], *, lasting: bool = False) -> Iterator[dict[str, Any]]:
        """The body with a film of this machine uploaded; afterwards it is no file any more.

        Films are too large to be sent along with a request. The job keeps what it needs.

        Args:
            body: What is asked for.
            lasting: Whether the film stays where no answer came: to ask again needs it.
        """
        film = body.get("extend_video")
        if not isinstance(film, Path):
            yield body
            return
        with _opened(film) as content:
            kept = self._json("POST", "/v1/files", files={"file": (film.name, content)})
        needed = False
        try:
            yield {**body, "extend_video": {"file_id": kept["id"]}}
        except (ClientError, KeyboardInterrupt) as error:
            needed = lasting and (not isinstance(error, ClientError) or error.unknown)
            raise
        finally:
            if not needed:
                with suppress(ClientError):
                    self._json("DELETE", f"/v1/files/{kept['id']}")

    def videos(self, most: int, **wanted: str) -> list[dict[str, Any]]:
        """The newest videos, at most so many; of these statuses or phases only."""
        return [one for page in self._pages("/v1/videos", most, wanted) for one in page["data"]]

    def orphans(self, most: int) -> dict[str, Any]:
        """`data`: the newest films that nobody gets, at most so many; `counts` of all."""
        pages = list(self._pages("/v1/orphans", most))
        data = [one for page in pages for one in page["data"]]
        return {"data": data, "counts": pages[0]["counts"]}

    def decide(self, video_id: str, verb: str, **told: str) -> dict[str, Any]:
        """Cancel, adopt, resubmit or fail a video; it, as it stands then."""
        return self._json("POST", f"/v1/videos/{_step(video_id)}/{verb}", **_body(told))

    def accounts(self) -> list[dict[str, Any]]:
        """How the gateway's accounts stand."""
        found: list[dict[str, Any]] = self._json("GET", "/v1/accounts")["data"]
        return found

    def pause(self, name: str, **told: str) -> dict[str, Any]:
        """Give an account no more jobs; it, as it stands then."""
        return self._json("POST", f"/v1/accounts/{_step(name)}/pause", **_body(told))

    def resume(self, name: str) -> dict[str, Any]:
        """Give an account jobs again; it, as it stands then."""
        return self._json("POST", f"/v1/accounts/{_step(name)}/resume")

    def read(self, video_id: str) -> dict[str, Any]:
        """The job as it stands."""
        return self._json("GET", f"/v1/videos/{_step(video_id)}")

    def ready(self) -> bool:
        """Whether the gateway answers and can accept jobs."""
        try:
            return self._client.get("/readyz").is_success
        except httpx.HTTPError:
            return False

    def save(self, video_id: str, to: Path) -> int:
        """Fetch the finished video into a file, which appears when it is whole; its bytes."""
        part = to.with_name(f".{to.name}.part")
        size = 0
        try:
            with self._client.stream("GET", f"/v1/videos/{video_id}/content") as response:
                if not response.is_success:
                    response.read()
                    raise _refused(response)
                with part.open("wb") as file:
                    for chunk in response.iter_bytes():
                        size += file.write(chunk)
            part.replace(to)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        except OSError as error:
            raise ClientError(f"cannot write {to}: {error.strerror}") from None
        finally:
            part.unlink(missing_ok=True)
        return size

    def _pages(
        self, path: str, most: int, wanted: dict[str, str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """The pages of a list that hold its first so many items."""
        query = dict(wanted or {})
        while most > 0:
            query["limit"] = str(min(most, PAGE))
            page = self._json("GET", path, params=query)
            yield page
            if not page["has_more"]:
                break
            most -= len(page["data"])
            query["after"] = page["last_id"]

    def _sent(
        self, path: str, body: dict[str, Any], headers: Mapping[str, str] = MappingProxyType({})
    ) -> dict[str, Any]:
        """Send a request for a video, as a form where files are in it."""
        parts = list(_parts(body))
        if not any(isinstance(value, Path) for _, value in parts):
            return self._json("POST", path, json=body, headers=headers)
        with ExitStack() as stack:
            files = [
                (name, (value.name, stack.enter_context(_opened(value))))
                for name, value in parts
                if isinstance(value, Path)
            ]
            texts = {name: value for name, value in parts if not isinstance(value, Path)}
            return self._json("POST", path, data=texts, files=files, headers=headers)

    def _json(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            response = self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        if not response.is_success:
            raise _refused(response)
        try:
            return msgspec.json.decode(response.content, type=dict[str, Any])
        except msgspec.MsgspecError:
            raise _foreign(response) from None

    def _unreachable(self, error: httpx.HTTPError) -> ClientError:
        if isinstance(error, httpx.UnsupportedProtocol):
            return ClientError(f"{self.url} is not the URL of a gateway: http://HOST:PORT")
        if isinstance(error, httpx.LocalProtocolError):
            return ClientError("the key cannot be sent: it holds line breaks or odd characters")
        return ClientError(
            f"no answer from the gateway at {self.url} ({type(error).__name__}); "
            "is it running? Start one with: filmgate serve",
            retry_after=0.0,
        )


def _step(name: str) -> str:
    """A name as one step of a path, whatever is in it."""
    return percent(name, safe="")


def _body(told: dict[str, str]) -> dict[str, Any]:
    """The options of a request with this body, or with none."""
    return {"json": told} if told else {}


def _parts(value: object, name: str = "") -> Iterator[tuple[str, Path | str]]:
    """A body as the parts of a form: `metadata[scene]`, `reference_images[0]`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _parts(inner, f"{name}[{key}]" if name else key)
    elif isinstance(value, list | tuple):
        for n, inner in enumerate(value):
            yield from _parts(inner, f"{name}[{n}]")
    elif isinstance(value, Path):
        yield name, value
    else:
        yield name, str(value).lower() if isinstance(value, bool) else str(value)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise ClientError(f"cannot read {path}: {error.strerror}") from None


def _fault(one: dict[str, Any]) -> str:
    """One fault of a request, in a line; what is allowed, where that is not said in words."""
    line = f"  {one['pointer'] or '(body)'}: {one['detail']}"
    if one["code"] == "unknown_model" and one.get("allowed"):
        line += f"\n    there are: {', '.join(map(str, one['allowed']))}"
    return line


def _refused(response: httpx.Response) -> ClientError:
    """The gateway's problem document, in lines."""
    try:
        problem = response.json()
        lines = [f"{problem['title']}: {problem['detail']}"]
        lines += [_fault(one) for one in problem["errors"]]
    except (ValueError, KeyError, TypeError):
        return _foreign(response)
    return ClientError("\n".join(lines), response.status_code, _retry_after(response))


def _foreign(response: httpx.Response) -> ClientError:
    words = f"the answer was HTTP {response.status_code}, and not from a Filmgate"
    status, unknown = response.status_code, response.is_success
    return ClientError(words, status, _retry_after(response), unknown=unknown)


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds to wait before the same is asked again, None where it is not to be."""
    headers = response.headers
    if response.status_code not in UNANSWERED or headers.get("x-should-retry") == "false":
        return None
    told = headers.get("retry-after", "")
    return float(told) if told.isascii() and told.isdecimal() else 0.0
