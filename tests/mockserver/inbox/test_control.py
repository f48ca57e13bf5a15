"""Inboxes for tests in other languages: `/__mock/inbox`."""

import httpx

from mockserver import MockServer, Settings
from tests.mockserver.inbox.sending import ORIGIN, event, sending


async def test_an_inbox_is_scripted_and_read_over_the_wire() -> None:
    async with sending() as sender:
        path = f"{ORIGIN}/__mock/inbox/main"
        scripted = await sender.http.put(f"{path}/script", json={"script": "500, 204"})
        where = {
            "inbox": "main",
            "url": f"{ORIGIN}/inbox/main",
            "secret": sender.inbox.secret,
            "script": "500, 204",
        }
        assert (scripted.status_code, scripted.json()) == (200, where)
        await sender.post(event("a"))
        await sender.world.advance(5)
        await sender.post(event("a"))
        shown = (await sender.http.get(path)).json()

        assert shown.keys() == where.keys() | {"received", "pauses"}
        assert shown["pauses"] == {"msg_1": [5]}
        first, second = shown["received"]
        assert (first["line"], first["body"], first["status"]) == ("received", event("a"), 500)
        assert (second["at"], second["status"]) == (5, 204)


async def test_what_is_no_script_or_no_inbox_is_refused() -> None:
    async with sending() as sender:
        path = f"{ORIGIN}/__mock/inbox"
        answers = [
            await sender.http.put(f"{path}/main/script", json={"script": "soon"}),
            await sender.http.put(f"{path}/main/script", json={"answers": "200"}),
            await sender.http.put(f"{path}/main/script", content=b"200"),
            await sender.http.get(f"{path}/a%2Fb"),
        ]

        assert [answer.status_code for answer in answers] == [400] * 4
        assert "'soon' is no answer of an inbox" in answers[0].text
        assert sender.world.inboxes["main"].text == "200"


async def test_a_world_is_named_by_the_path_and_so_is_it_in_the_url() -> None:
    server = MockServer(Settings(clock="frozen", public_url="https://mock.example"))
    transport = httpx.ASGITransport(app=server.app)
    async with server, httpx.AsyncClient(transport=transport, base_url=ORIGIN) as http:
        shown = (await http.get("/~left/__mock/inbox/main")).json()

        assert shown["url"] == "https://mock.example/~left/inbox/main"


async def test_nobody_scripts_an_inbox_without_the_control_token() -> None:
    async with sending(control_token="t") as sender:
        path = f"{ORIGIN}/__mock/inbox/main/script"
        refused = await sender.http.put(path, json={"script": "500"})

        assert refused.status_code == 401
        assert (await sender.post()).status_code == 200
