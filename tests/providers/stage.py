"""Adapters, driven against the mock provider in this process and in virtual time."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx

from gateway.net import NoAnswer, Upstream
from mockserver import Settings, World
from mockserver.media.clip import Clip
from mockserver.media.render import film
from mockserver.pictory import EXAMPLE_KEY
from mockserver.pixverse import EXAMPLE_TOKEN
from providers.contract import (
    Accepted,
    Account,
    Hint,
    InputForm,
    Lost,
    Mode,
    Offer,
    Role,
    Search,
    Secret,
    Sighting,
    Submission,
    SubmitOutcome,
    Unclear,
    Uploaded,
    VideoSpec,
)
from providers.registry import ADAPTERS
from tests.mockserver.drivers import png
from tests.strategies import account, inputs_of

MOCK = "http://mock.test"
GATE = "https://gate.example/callbacks"
PLACES = {
    "pictory": account(
        "pictory", key=Secret(EXAMPLE_KEY), base_url=f"{MOCK}/pictoryapis", email=None
    ),
    "useapi-pixverse": account(
        "useapi-pixverse", key=Secret(EXAMPLE_TOKEN), base_url=f"{MOCK}/v2/pixverse"
    ),
}
PICTURE = png("teal")
FILM = film(Clip(width=64, height=36, seconds=1, caption="teal"))
MEDIA = {
    Role.FIRST_FRAME: (PICTURE, "image/png"),
    Role.LAST_FRAME: (PICTURE, "image/png"),
    Role.EXTEND: (FILM, "video/mp4"),
}


def text_of(provider: str) -> Offer:
    """The first offer that needs nothing but a text."""
    offers = ADAPTERS[provider].capabilities.offers
    return next(offer for offer in offers if offer.mode is Mode.TEXT)


def served(request: httpx.Request) -> httpx.Response:
    """What stands at the addresses that Pictory is given."""
    return httpx.Response(200, content=FILM if request.url.path.endswith(".mp4") else PICTURE)


class Stage:
    """The mock, a way to it, and what it called back with."""

    def __init__(self, mock: World, upstream: Upstream, heard: list[httpx.Request]) -> None:
        self.mock, self.upstream, self.heard = mock, upstream, heard
        self.owned: set[str] = set()
        """What was accepted in so many words."""

    async def inputs(self, owner: Account, offer: Offer) -> dict[Role, tuple[str, ...]]:
        """What the offer is made from, in the provider's form; all the references it takes."""
        table = ADAPTERS[owner.provider].capabilities
        made_up = inputs_of(offer, table.input_form, max(offer.references or (1,)))
        if table.input_form is InputForm.URL:
            return made_up
        return {role: (await self.upload(owner, *MEDIA[role]),) for role in made_up}

    async def upload(self, owner: Account, content: bytes, media_type: str) -> str:
        upload = ADAPTERS[owner.provider].upload
        assert upload is not None
        outcome = await self.upstream.run(upload(owner, content, media_type))
        assert isinstance(outcome, Uploaded), outcome
        return outcome.reference

    async def order(
        self,
        owner: Account,
        offer: Offer | None = None,
        prompt: str = "A quiet lake",
        reference: str = "att_1",
        **spec: Any,
    ) -> Submission:
        """One attempt at the offer's defaults, its inputs stored."""
        offer = offer or text_of(owner.provider)
        facts: dict[str, Any] = {
            "model": offer.model,
            "mode": offer.mode,
            "prompt": prompt,
            "seconds": offer.seconds[0],
            "aspect_ratio": next(iter(offer.aspect_ratios), None),
            "resolution": next(iter(offer.resolutions), None),
            "motion_mode": next(iter(offer.motion_modes), None),
            "remove_watermark": offer.watermark,
        }
        return Submission(
            account=owner,
            spec=VideoSpec(**(facts | spec)),
            inputs=await self.inputs(owner, offer),
            callback_url=f"{GATE}/{owner.provider}/token",
            reference=reference,
        )

    async def submit(self, owner: Account, *args: Any, **values: Any) -> SubmitOutcome:
        submission = await self.order(owner, *args, **values)
        flow = ADAPTERS[owner.provider].submit(submission)
        return await self.upstream.run(flow, paid=True)

    async def accepted(self, owner: Account, *args: Any, **values: Any) -> str:
        outcome = await self.submit(owner, *args, **values)
        assert isinstance(outcome, Accepted), outcome
        self.owned.add(outcome.remote_id)
        return outcome.remote_id

    async def lost(self, owner: Account, *args: Any, **values: Any) -> Lost:
        """An attempt that the mock is going to leave without a readable answer."""
        submission = await self.order(owner, *args, **values)
        attempt = Lost(
            reference=submission.reference,
            spec=submission.spec,
            inputs=submission.inputs,
            sent_at=self.now(),
        )
        flow = ADAPTERS[owner.provider].submit(submission)
        with suppress(NoAnswer):
            outcome = await self.upstream.run(flow, paid=True)
            assert isinstance(outcome, Unclear), outcome
        return attempt

    async def search(
        self, owner: Account, *lost: Lost, owned: Collection[str] | None = None
    ) -> Search:
        """What reconciling comes to; unless told, other attempts own what was accepted."""
        reconcile = ADAPTERS[owner.provider].reconcile
        assert reconcile is not None
        owned = self.owned if owned is None else owned
        return await self.upstream.run(reconcile(owner, lost, owned))

    def now(self) -> int:
        """The mock's calendar, in microseconds since 1970."""
        clock = self.mock.clock
        return round(clock.utc(clock.now()).timestamp() * 1_000_000)

    async def look(self, owner: Account, *ids: str) -> Sequence[Sighting]:
        seen = await self.upstream.run(ADAPTERS[owner.provider].poll(owner, ids))
        assert list(seen) == list(ids)
        return list(seen.values())

    def hints(self, provider: str) -> set[Hint]:
        """What the callbacks' bodies tell."""
        return {ADAPTERS[provider].receive(request.content) for request in self.heard}

    def asked(self) -> list[tuple[str, int]]:
        """Operation and status of each request the mock saw."""
        return [(one.operation, one.status) for one in self.mock.journal.requests]


@asynccontextmanager
async def staged(**settings: Any) -> AsyncIterator[Stage]:
    heard: list[httpx.Request] = []

    def hear(request: httpx.Request) -> httpx.Response:
        heard.append(request)
        return httpx.Response(200)

    mock = World(
        settings=Settings(clock="frozen", extra_hosts=("gate.example", "a.example"), **settings),
        callback_transport=httpx.MockTransport(hear),
        input_transport=httpx.MockTransport(served),
    )
    wire = httpx.ASGITransport(app=mock.app)
    upstream = Upstream([], provider_transport=wire, media_transport=wire)
    async with mock:
        try:
            yield Stage(mock, upstream, heard)
        finally:
            await upstream.aclose()
