import subprocess
import sys

import pytest

from mockserver import Settings, World
from mockserver.wire.http import Scope, bound
from tests.mockserver.served import REPOSITORY


@pytest.mark.parametrize(
    ("template", "path", "slash", "params"),
    [
        ("/a/{id}", "/a/5", False, {"id": "5"}),
        ("/a/{id}", "/a/x%3Ay@z", False, {"id": "x%3Ay@z"}),
        ("/a/{id}", "/a/", True, None),
        ("/a/{id}", "/a/5/", False, None),
        ("/a/{id}", "/a/5/", True, {"id": "5"}),
        ("/a", "/a//", True, None),
        ("/a", "/b", True, None),
        ("/a/b", "/a/b", False, {}),
    ],
)
def test_paths_fit_templates_segment_by_segment(
    template: str,
    path: str,
    slash: bool,  # noqa: FBT001
    params: dict[str, str] | None,
) -> None:
    assert bound(template, path, slash=slash) == params


async def test_a_request_whose_client_hangs_up_leaves_no_trace() -> None:
    messages: list[dict[str, object]] = [
        {"type": "http.request", "body": b'{"prompt":', "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[object] = []

    async def receive() -> dict[str, object]:
        return messages.pop(0)

    async def send(message: object) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/pictoryapis/v1/aistudio/videos",
        "query_string": b"",
        "headers": [(b"authorization", b"pictai_x"), (b"content-type", b"application/json")],
    }
    async with World(settings=Settings(clock="frozen")) as mock:
        await mock.app(scope, receive, send)

        assert sent == []
        assert mock.journal.requests == []


async def test_it_speaks_http_only() -> None:
    async with World() as mock:
        with pytest.raises(ValueError, match="websocket"):
            await mock.app({"type": "websocket"}, lambda: ..., lambda _: ...)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize("change", [{"clock": "sundial"}, {"run_seconds": -1.0}])
def test_settings_that_make_no_sense_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        Settings(**change)  # type: ignore[arg-type]


def test_starting_the_server_loads_no_media_library() -> None:
    code = "import sys, mockserver.cli; sys.exit(bool({'av', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False)

    assert done.returncode == 0
