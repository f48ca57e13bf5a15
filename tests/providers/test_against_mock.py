"""Each adapter against the mock provider, over real bytes and in virtual time."""

from typing import Any

import pytest

from gateway.net import NoAnswer
from mockserver import Account as MockAccount
from mockserver.pixverse import EXAMPLE_TOKEN
from providers import useapi_pixverse
from providers.contract import (
    Accepted,
    Failed,
    Fault,
    Finished,
    Mode,
    Offer,
    Option,
    OptionValue,
    Price,
    Refused,
    Running,
    Scope,
    Secret,
    Submission,
    Unseen,
    VideoSpec,
)
from providers.registry import ADAPTERS
from tests.providers.stage import GATE, MOCK, PLACES, staged
from tests.strategies import ROWS, account

BOTH = pytest.mark.parametrize("provider", sorted(PLACES))
EVERY_OFFER = pytest.mark.parametrize(
    ("provider", "offer"),
    [
        pytest.param(row[0].provider, row[1], id=f"{row[1].model} {row[1].mode.value}")
        for row in ROWS
    ],
)


@EVERY_OFFER
async def test_a_video_is_made_from_submission_to_link(provider: str, offer: Offer) -> None:
    owner = PLACES[provider]
    async with staged() as stage:
        remote_id = await stage.accepted(owner, offer)
        (waiting,) = await stage.look(owner, remote_id)
        await stage.mock.advance(10)
        (rendering,) = await stage.look(owner, remote_id)
        await stage.mock.advance(60)
        (done,) = await stage.look(owner, remote_id)
    assert isinstance(waiting, Running)
    assert isinstance(rendering, Running)
    assert isinstance(done, Finished)
    assert done.url.startswith(f"{MOCK}/media/")
    (job,) = stage.mock.jobs
    assert job.order.seconds == offer.seconds[0]
    sources = {Mode.TEXT: 0, Mode.FIRST_LAST_FRAME: 2, Mode.REFERENCE_IMAGES: 3}
    assert len(job.order.sources) == sources.get(offer.mode, 1)
    if offer.rate:
        spec = VideoSpec(
            model=offer.model,
            mode=offer.mode,
            prompt="x",
            seconds=offer.seconds[0],
            resolution=offer.resolutions[0],
        )
        assert offer.rate.price(spec).amount == job.order.cost
    if provider == "pictory":
        assert done.cost == Price(amount=job.order.cost, unit="pictory_credit_tenths")
        assert {hint.reference for hint in stage.hints(provider)} == {None}
    else:
        assert {hint.reference for hint in stage.hints(provider)} == {"att_1"}
    assert {hint.remote_id for hint in stage.hints(provider)} == {remote_id}
    assert {str(one.url) for one in stage.heard} == {f"{GATE}/{provider}/token"}


@EVERY_OFFER
async def test_every_value_that_an_offer_lists_is_taken(provider: str, offer: Offer) -> None:
    owner = PLACES[provider]
    seeds = offer.seed or (None,)
    async with staged(queue_seconds=0.0, run_seconds=1.0) as stage:
        variants: list[dict[str, Any]] = [
            *({"seconds": one} for one in offer.seconds),
            *({"aspect_ratio": one} for one in offer.aspect_ratios),
            *({"resolution": one} for one in offer.resolutions),
            *({"motion_mode": one} for one in offer.motion_modes),
            *({"remove_watermark": one} for one in (True, False) if offer.watermark is not None),
            *({"seed": one} for one in seeds),
            *({"negative_prompt": "x" * most} for most in (offer.negative_prompt_max,) if most),
            *({"options": {one.name: value}} for one in offer.options for value in extremes(one)),
            {"prompt": "a" * max(offer.prompt_min, 1)},
            {"prompt": "👍" * offer.prompt_max},
        ]
        for variant in variants:
            await stage.accepted(owner, offer, **variant)
            await stage.mock.advance(5)
        params = [job.order.params for job in stage.mock.jobs]
    wanted = [on_the_wire(provider, variant) for variant in variants]
    assert [dict(sent) | want for sent, want in zip(params, wanted, strict=True)] == params


def extremes(option: Option) -> tuple[OptionValue, ...]:
    """Every listed value of an option, or its longest text, or its ends."""
    if option.longest:
        return ("x" * option.longest,)
    ends = (option.low, option.high)
    return (*option.allowed, *(one for one in ends if one is not None))


def on_the_wire(provider: str, variant: dict[str, Any]) -> dict[str, Any]:
    """One value of a spec as the provider's page calls it."""
    ((name, value),) = variant.items()
    if value is None:
        return {}
    if name == "options":
        return dict(value)
    names = (
        {"seconds": ("duration", f"{value}s"), "aspect_ratio": ("aspectRatio", value)}
        if provider == "pictory"
        else {"seconds": ("duration", value), "resolution": ("quality", value)}
    )
    if provider == "pictory" and name == "resolution":
        return {}
    wire, said = names.get(name, (name, value))
    return {wire: said}


FATES = {"failed": Fault.GENERATION_FAILED, "moderated": Fault.MODERATED}


@BOTH
@pytest.mark.parametrize("fate", sorted(FATES))
async def test_a_job_that_fails_is_seen_as_failed(provider: str, fate: str) -> None:
    owner = PLACES[provider]
    async with staged() as stage:
        remote_id = await stage.accepted(owner, prompt=f"A lake [[mock fail={fate}]]")
        await stage.mock.advance(60)
        (seen,) = await stage.look(owner, remote_id)
    assert isinstance(seen, Failed)
    assert seen.fault is FATES[fate]
    assert seen.words


@pytest.mark.parametrize(
    ("provider", "status", "fault", "scope"),
    [
        ("pictory", 401, Fault.UNAUTHORIZED, Scope.ACCOUNT),
        ("pictory", 402, Fault.NO_CREDITS, Scope.ACCOUNT),
        ("pictory", 403, Fault.BLOCKED, Scope.PROVIDER),
        ("pictory", 429, Fault.THROTTLED, Scope.ACCOUNT),
        ("useapi-pixverse", 401, Fault.UNAUTHORIZED, Scope.ACCOUNT),
        ("useapi-pixverse", 402, Fault.NO_SUBSCRIPTION, Scope.ACCOUNT),
        ("useapi-pixverse", 404, Fault.UNKNOWN_ACCOUNT, Scope.ACCOUNT),
        ("useapi-pixverse", 412, Fault.NO_CREDITS, Scope.ACCOUNT),
        ("useapi-pixverse", 422, Fault.MODERATED, Scope.JOB),
        ("useapi-pixverse", 429, Fault.THROTTLED, Scope.ACCOUNT),
        ("useapi-pixverse", 596, Fault.ON_HOLD, Scope.ACCOUNT),
    ],
)
async def test_a_refusal_of_the_mock_is_refused_and_makes_no_job(
    provider: str, status: int, fault: Fault, scope: Scope
) -> None:
    async with staged() as stage:
        outcome = await stage.submit(PLACES[provider], prompt=f"A lake [[mock refuse={status}]]")
        assert len(stage.mock.jobs) == 0
    assert isinstance(outcome, Refused)
    assert (outcome.fault, outcome.scope, outcome.status) == (fault, scope, status)
    assert outcome.retry is (status == 429)


@BOTH
async def test_a_500_is_never_taken_for_a_refusal(provider: str) -> None:
    async with staged() as stage:
        outcome = await stage.submit(PLACES[provider], prompt="A lake [[mock refuse=500]]")
    assert type(outcome).__name__ == "Unclear"


@BOTH
async def test_a_throttled_prompt_is_taken_when_it_comes_again(provider: str) -> None:
    prompt = "A lake [[mock throttle=2]]"
    async with staged() as stage:
        outcomes = [await stage.submit(PLACES[provider], prompt=prompt) for _ in range(3)]
    assert [type(one).__name__ for one in outcomes] == ["Refused", "Refused", "Accepted"]


async def test_a_full_account_answers_429_with_its_own_name() -> None:
    owner = account(
        "useapi-pixverse",
        key=Secret(EXAMPLE_TOKEN),
        base_url=f"{MOCK}/v2/pixverse",
        max_jobs=1,
    )
    async with staged() as stage:
        await stage.accepted(owner)
        outcome = await stage.submit(owner)
    assert isinstance(outcome, Refused)
    assert outcome.words == "Account ops@example.com is busy executing 1 tasks."
    assert (outcome.retry, outcome.scope) == (True, Scope.ACCOUNT)


@BOTH
async def test_a_wrong_key_is_unauthorized_for_a_submission_and_no_end_for_a_job(
    provider: str,
) -> None:
    good = PLACES[provider]
    wrong = account(provider, key=Secret("wrong-key-1"), base_url=good.base_url, email=good.email)
    async with staged() as stage:
        remote_id = await stage.accepted(good)
        outcome = await stage.submit(wrong)
        (seen,) = await stage.look(wrong, remote_id)
    assert isinstance(outcome, Refused)
    assert outcome.fault is Fault.UNAUTHORIZED
    assert isinstance(seen, Unseen)


@BOTH
async def test_a_lost_reply_leaves_a_job_that_its_callback_finds_again(provider: str) -> None:
    owner = PLACES[provider]
    async with staged() as stage:
        with pytest.raises(NoAnswer):
            await stage.submit(owner, prompt="A lake [[mock lose-reply]]")
        await stage.mock.advance(60)
        (found,) = {hint.remote_id for hint in stage.hints(provider)}
        assert found is not None
        (seen,) = await stage.look(owner, found)
        assert [job.id for job in stage.mock.jobs] == [found]
    assert isinstance(seen, Finished)


async def test_pictory_jobs_it_does_not_know_are_not_ended() -> None:
    async with staged() as stage:
        seen = await stage.look(PLACES["pictory"], "4a09edf9-d071-4847-bda5-8dea913d80fe")
    assert seen == [Unseen(reason="Pictory does not know this job")]


@pytest.mark.parametrize("final", [True, False], ids=["final", "not final"])
async def test_a_queued_pixverse_video_is_running_even_where_it_is_called_final(
    *, final: bool
) -> None:
    owner = PLACES["useapi-pixverse"]
    async with staged(queued_is_final=final) as stage:
        remote_id = await stage.accepted(owner)
        assert await stage.look(owner, remote_id) == [Running(word="QUEUED")]
        await stage.mock.advance(10)
        assert await stage.look(owner, remote_id) == [Running(word="GENERATING")]


async def test_a_video_that_is_not_listed_is_read_alone_under_its_raw_id() -> None:
    settings = {"accounts": (MockAccount(email="ops@example.com"), MockAccount(email="b@c.d"))}
    here = PLACES["useapi-pixverse"]
    there = account("useapi-pixverse", key=here.key, base_url=here.base_url, email="b@c.d")
    async with staged(**settings) as stage:
        remote_id = await stage.accepted(here)
        assert await stage.look(there, remote_id) == [Unseen(reason="not listed yet")]
        await stage.mock.advance(60)
        (seen,) = await stage.look(there, remote_id)
        assert stage.asked()[-4:] == [
            ("pixverse.list_videos", 200),
            ("pixverse.get_video", 404),
            ("pixverse.list_videos", 200),
            ("pixverse.get_video", 200),
        ]
    assert isinstance(seen, Finished)


async def test_one_list_call_looks_at_all_videos_of_an_account() -> None:
    owner = PLACES["useapi-pixverse"]
    async with staged() as stage:
        ids = [await stage.accepted(owner, prompt=f"lake {n}") for n in range(3)]
        before = len(stage.asked())
        seen = await stage.look(owner, *ids)
        assert len(stage.asked()) == before + 1
    assert seen == [Running(word="QUEUED")] * 3


async def test_an_upload_that_is_no_picture_is_refused() -> None:
    owner = PLACES["useapi-pixverse"]
    async with staged() as stage:
        flow = useapi_pixverse.upload(owner, b"not a picture", "image/png")
        outcome = await stage.upstream.run(flow)
    assert isinstance(outcome, Refused)
    assert (outcome.fault, outcome.scope) == (Fault.INVALID_REQUEST, Scope.JOB)


async def test_a_finished_video_can_be_uploaded_and_extended() -> None:
    owner = PLACES["useapi-pixverse"]
    (extend,) = [
        offer
        for offer in ADAPTERS[owner.provider].capabilities.offers
        if offer.mode is Mode.EXTEND_VIDEO
    ]
    async with staged() as stage:
        remote_id = await stage.accepted(owner, extend)
        await stage.mock.advance(70)
        (seen,) = await stage.look(owner, remote_id)
        assert ("pixverse.extend_v3", 200) in stage.asked()
    assert isinstance(seen, Finished)


async def test_current_pages_are_used_where_an_operator_names_them() -> None:
    owner = PLACES["useapi-pixverse"]
    adapter = useapi_pixverse.configured(
        {
            "frames_path": "videos/create-frames",
            "frames_model": "v5",
            "create_path": "videos/create",
            "create_model": "v6",
            "extend_path": "videos/extend",
            "extend_model": "v5.5",
        }
    )
    async with staged() as stage:
        for offer in adapter.capabilities.offers:
            spec = VideoSpec(
                model=offer.model,
                mode=offer.mode,
                prompt="A lake",
                seconds=5,
                resolution=next(iter(offer.resolutions), None),
            )
            asked = Submission(
                account=owner,
                spec=spec,
                inputs=await stage.inputs(owner, offer),
                callback_url=None,
                reference="att_1",
            )
            outcome = await stage.upstream.run(adapter.submit(asked), paid=True)
            assert isinstance(outcome, Accepted), outcome
            await stage.mock.advance(70)
            *_, job = stage.mock.jobs
            assert job.order.params["model"] == offer.model
        made = [(name, status) for name, status in stage.asked() if "upload" not in name]
    assert len(made) == len(adapter.capabilities.offers)
