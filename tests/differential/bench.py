"""The mock providers, asked by the adapters' own flows, one request at a time."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import httpx

from mockserver import Settings, World
from mockserver.media.clip import Clip
from mockserver.media.render import film
from mockserver.pictory import EXAMPLE_KEY
from mockserver.pixverse import EXAMPLE_TOKEN
from providers.contract import (
    Account,
    HttpRequest,
    InputForm,
    Role,
    Secret,
    Submission,
)
from providers.registry import ADAPTERS
from tests.differential.wishes import Wish
from tests.rig import picture
from tests.strategies import account

MOCK: Final = "http://mock.test"
ACCOUNTS: Final[dict[str, Account]] = {
    "pictory": account(
        "pictory", key=Secret(EXAMPLE_KEY), base_url=f"{MOCK}/pictoryapis", email=None
    ),
    "useapi-pixverse": account(
        "useapi-pixverse", key=Secret(EXAMPLE_TOKEN), base_url=f"{MOCK}/v2/pixverse", max_jobs=8
    ),
}
CALLBACK: Final = "https://gate.example/callbacks/token"
COUNTS: Final = ("code_points", "utf16")
"""Every way a provider may count characters; which of them one does is documented nowhere."""

PICTURE: Final = picture("teal")
FILM: Final = film(Clip(width=64, height=36, seconds=1, caption="source"))


class Taken(NamedTuple):
    """What became of a wish at a mock provider."""

    status: int
    said: str
    order: Mapping[str, Any] | None
    """The request as the provider's own decoder read it, its defaults filled in."""
    cost: int | None
    sent: HttpRequest
    inputs: Mapping[Role, Sequence[str]]


def submit(wish: Wish, count: str = "code_points") -> Taken:
    """Encode a wish as it stands and hand it to a mock that has seen nothing before."""
    return asyncio.run(_submit(wish, count))


def accepts(wish: Wish) -> bool:
    """Whether a provider takes the wish, by at least one way of counting characters."""
    return any(submit(wish, count).status == httpx.codes.OK for count in COUNTS)


async def _submit(wish: Wish, count: str) -> Taken:
    provider = wish.target.capabilities.provider
    owner = ACCOUNTS[provider]
    settings = Settings(clock="frozen", prompt_count=count)  # type: ignore[arg-type]
    async with World(settings=settings) as mock:
        transport: Any = httpx.ASGITransport(app=mock.app)
        async with httpx.AsyncClient(transport=transport) as client:
            inputs = {
                role: [await _hand_over(client, owner, role, one) for one in given]
                for role, given in _by_role(wish).items()
            }
            flow = ADAPTERS[provider].submit(
                Submission(
                    account=owner,
                    spec=wish.as_asked,
                    inputs=inputs,
                    callback_url=CALLBACK,
                    reference="att_1",
                )
            )
            sent = next(flow)
            answer = await _send(client, sent)
        made = list(mock.jobs)
        assert len(made) == len(mock.ledger.charges) == (answer.status_code == httpx.codes.OK)
        order = made[0].order if made else None
        return Taken(
            status=answer.status_code,
            said=answer.text,
            order=None if order is None else order.params,
            cost=None if order is None else order.cost,
            sent=sent,
            inputs=inputs,
        )


def _by_role(wish: Wish) -> dict[Role, list[Any]]:
    found: dict[Role, list[Any]] = {}
    for one in wish.request.given:
        found.setdefault(one.role, []).append(one.value)
    return found


async def _hand_over(client: httpx.AsyncClient, owner: Account, role: Role, value: Any) -> str:
    """An input in the provider's form."""
    adapter = ADAPTERS[owner.provider]
    if adapter.capabilities.input_form is InputForm.URL:
        return str(value.url)
    assert adapter.upload is not None
    content = FILM if role is Role.EXTEND else PICTURE
    flow = adapter.upload(owner, content, value.media_type)
    answer = await _send(client, next(flow))
    told = json.loads(answer.text)
    path: str = told["path"] if "path" in told else told["result"][0]["path"]
    return path


async def _send(client: httpx.AsyncClient, request: HttpRequest) -> httpx.Response:
    return await client.request(
        request.method, request.url, headers=list(request.headers), content=request.body
    )
