import httpx
import pytest

from mockserver import MockServer, Settings
from mockserver.serve import Breaking, Local
from tests.mockserver.control.conftest import Open

OPEN_PATHS = ("/__mock/ui/", "/__mock/ui/main.js")


async def test_the_token_guards_everything_but_the_files_of_the_page(opened: Open) -> None:
    async with opened(Settings(clock="frozen", control_token="secret")) as hand:
        paths = {
            route.template.replace("{file}", "main.js")
            for route in hand.world.routes
            if route.act == "control" and route.method == "GET" and "/inbox/" not in route.template
        }
        answers = {path: (await hand.http.get(path)).status_code for path in paths}
        right = await hand.http.get("/__mock", headers={"authorization": "Bearer secret"})
        wrong = await hand.http.get("/__mock", headers={"authorization": "Bearer secre"})

    bare = {path for path, status in answers.items() if status != 401}
    assert bare == {"/__mock/ui", "/__mock/ui/main.js"}
    assert (right.status_code, wrong.status_code) == (200, 401)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://mock.test"}, 200),
        ({"origin": "https://film.example.com"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),
        ({"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}, 200),
    ],
)
@pytest.mark.parametrize("path", ["/__mock/clock", *OPEN_PATHS])
async def test_pages_of_other_sites_are_refused(
    opened: Open, headers: dict[str, str], status: int, path: str
) -> None:
    settings = Settings(clock="frozen", public_url="https://film.example.com/mock")
    async with opened(settings) as hand:
        assert (await hand.http.get(path, headers=headers)).status_code == status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8090", 200),
        ("127.0.0.1:8090", 200),
        ("[::1]:8090", 200),
        ("film.example.com", 200),
        ("mocks.internal:8090", 200),
        ("evil.example", 403),
        ("evil.example@localhost", 200),
        ("", 403),
    ],
)
@pytest.mark.parametrize("path", ["/__mock/clock", "/~other/__mock/clock"])
async def test_behind_a_socket_the_host_must_be_known(path: str, host: str, status: int) -> None:
    settings = Settings(
        clock="frozen", public_url="https://film.example.com", extra_hosts=("mocks.internal",)
    )
    async with MockServer(settings) as server:
        app = Local(Breaking(server.app), settings)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            answer = await client.get(path, headers={"host": host})
            wire = await client.get("/pictoryapis/v1/quota", headers={"host": host})

    assert (answer.status_code, wire.status_code) == (status, 401)
