"""A client of the gateway's own API, for the command line."""

from pathlib import Path
from typing import Any, Final, Self

import httpx

USER_AGENT: Final = "filmgate-cli"
SECONDS: Final = 60.0


class ClientError(Exception):
    """The gateway could not be asked, or said no; the message is fit to be shown.

    Attributes:
        status: The HTTP status of its answer; 0 where there was none.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


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

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        """Ask for a video; the accepted job."""
        return self._json("POST", "/v1/videos", json=body)

    def read(self, video_id: str) -> dict[str, Any]:
        """The job as it stands."""
        return self._json("GET", f"/v1/videos/{video_id}")

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

    def _json(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            response = self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        if not response.is_success:
            raise _refused(response)
        answer: dict[str, Any] = response.json()
        return answer

    def _unreachable(self, error: httpx.HTTPError) -> ClientError:
        if isinstance(error, httpx.UnsupportedProtocol):
            return ClientError(f"{self.url} is not the URL of a gateway: http://HOST:PORT")
        if isinstance(error, httpx.LocalProtocolError):
            return ClientError("the key cannot be sent: it holds line breaks or odd characters")
        return ClientError(
            f"no answer from the gateway at {self.url} ({type(error).__name__}); "
            "is it running? Start one with: filmgate serve"
        )


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
        lines = [f"the answer was HTTP {response.status_code}, and not from a Filmgate"]
    return ClientError("\n".join(lines), response.status_code)
