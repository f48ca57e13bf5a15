from typing import Any, get_args

import openai.types
import pytest

from gateway.api.showing import video
from gateway.api.views import Video
from gateway.model.blame import Blamed
from gateway.model.clock import SECOND
from gateway.model.inputs import FileInput, FrameInput, StoredInput, UrlInput, VideoInput
from gateway.model.job import Choice, JobError
from gateway.model.phases import Phase
from gateway.model.request import CreateVideo
from gateway.routing.money import Money
from providers.contract import BLAME, Fault, Mode, Price, VideoSpec
from tests.gateway.api.conftest import PROMPT, Gate

MONEY = Money(currency="USD", credits={"pictory": 4_000})
NO_MONEY = Money()
PICTORY = Choice(
    provider="pictory",
    spec=VideoSpec(
        model="pixverse5.5",
        mode=Mode.TEXT,
        prompt=PROMPT,
        seconds=8,
        aspect_ratio="9:16",
        resolution="720p",
    ),
    price=Price(amount=128, unit="pictory_credit_tenths"),
)
PIXVERSE = Choice(
    provider="useapi-pixverse",
    spec=VideoSpec(
        model="v4",
        mode=Mode.TEXT,
        prompt=PROMPT,
        seconds=8,
        aspect_ratio="16:9",
        resolution="540p",
        motion_mode="normal",
        remove_watermark=True,
        options={"style": "anime"},
    ),
    price=Price(amount=90, unit="pixverse_credit"),
    estimated=True,
)


DAY = 86_400 * SECOND


async def seen(gate: Gate, *, retention: int | None = None, **values: Any) -> Video:
    return video(await gate.job(**values), money=MONEY, mask=str, retention=retention)


async def test_a_finished_video_tells_when_it_may_be_removed(gate: Gate) -> None:
    end = 1_800_000_000 * SECOND
    view = await seen(gate, retention=2 * DAY, completed_at=end)
    assert (view.completed_at, view.expires_at) == (1_800_000_000, 1_800_172_800)


@pytest.mark.parametrize(
    ("retention", "values"),
    [
        (None, {"completed_at": SECOND}),
        (DAY, {"phase": Phase.RENDERING}),
        (DAY, {"phase": Phase.FAILED, "completed_at": SECOND}),
    ],
    ids=["kept for ever", "not finished", "failed"],
)
async def test_what_is_not_there_or_stays_does_not_expire(
    gate: Gate, retention: int | None, values: dict[str, Any]
) -> None:
    assert (await seen(gate, retention=retention, **values)).expires_at is None


async def test_while_several_could_make_it_nothing_is_settled(gate: Gate) -> None:
    view = await seen(gate, phase=Phase.WAITING_FOR_SLOT, choices=(PICTORY, PIXVERSE))
    assert (view.applied, view.price, view.provider, view.model) == (None, None, None, "default")
    assert (view.seconds, view.size) == (None, None)


async def test_what_was_applied_is_told_with_what_nobody_asked_for(gate: Gate) -> None:
    request = CreateVideo(prompt=PROMPT, seconds=8)
    for values in (
        {"choices": (PIXVERSE,)},
        {"choices": (PICTORY, PIXVERSE), "chosen": 1},
    ):
        view = await seen(gate, phase=Phase.RENDERING, request=request, **values)
        assert view.applied is not None
        assert view.applied.target == "useapi-pixverse/v4"
        assert view.applied.options == {"style": "anime"}
        assert view.applied.defaults == (
            "aspect_ratio",
            "resolution",
            "motion_mode",
            "remove_watermark",
        )
        assert (view.seconds, view.size) == ("8", "960x540")
        assert (view.aspect_ratio, view.resolution) == ("16:9", "540p")


async def test_a_price_is_told_in_money_where_the_operator_said_what_a_credit_costs(
    gate: Gate,
) -> None:
    view = await seen(gate, choices=(PICTORY,), chosen=0, cost=Price(amount=130, unit="tenths"))
    assert view.price is not None
    assert (view.price.amount, view.price.unit) == (128, "pictory_credit_tenths")
    assert (view.price.money, view.price.currency, view.price.estimated) == ("0.512", "USD", False)
    assert view.usage is not None
    assert (view.usage.amount, view.usage.money) == (130, "0.52")
    other = await seen(gate, choices=(PIXVERSE,))
    assert other.price is not None
    assert (other.price.amount, other.price.money, other.price.estimated) == (90, None, True)


async def test_the_size_of_the_finished_film_is_the_films_own(gate: Gate) -> None:
    assert (await seen(gate, choices=(PIXVERSE,))).size == "1280x720"


async def test_every_input_says_where_it_came_from(gate: Gate) -> None:
    request = CreateVideo(
        prompt=PROMPT,
        first_frame=UrlInput("https://example.com/a.png"),
        last_frame=FrameInput("video_1", "first"),
        reference_images=(StoredInput("d1", "image/png"), StoredInput("d2", "image/png", "file_1")),
        extend_video=VideoInput("video_2"),
    )
    kept = {"/first_frame": StoredInput("d3", "image/png")}
    view = await seen(gate, phase=Phase.PREPARING, request=request, kept=kept)
    told = [
        (one.field, one.kind, one.url or one.file_id or one.video, one.frame, one.sha256)
        for one in view.inputs
    ]
    assert told == [
        ("/first_frame", "url", "https://example.com/a.png", None, "d3"),
        ("/last_frame", "frame", "video_1", "first", None),
        ("/extend_video", "video", "video_2", None, None),
        ("/reference_images/0", "inline", None, None, "d1"),
        ("/reference_images/1", "file", "file_1", None, "d2"),
    ]
    assert view.remixed_from_video_id == "video_2"


async def test_a_film_of_the_callers_own_is_no_video_to_be_remixed(gate: Gate) -> None:
    request = CreateVideo(prompt=PROMPT, extend_video=FileInput("file_1"))
    assert (await seen(gate, request=request)).remixed_from_video_id is None


OURS = {"input_unusable": "caller", "result_not_saved": "gateway", "expired": None, "new": None}


@pytest.mark.parametrize(
    ("code", "blame"),
    [*((fault.value, blame.value) for fault, blame in BLAME.items()), *OURS.items()],
)
async def test_an_error_says_whose_move_it_is(gate: Gate, code: str, blame: str | None) -> None:
    error = JobError(code=code, message="It went wrong.")
    view = await seen(gate, phase=Phase.FAILED, error=error)
    assert view.error is not None
    assert (view.error.code, view.error.message, view.error.blame) == (
        code,
        "It went wrong.",
        blame,
    )
    assert blame is None or blame in get_args(Blamed)
    assert set(Fault) == set(BLAME)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("choices", [(), (PICTORY,), (PICTORY, PIXVERSE)])
async def test_openais_own_type_reads_every_document(
    gate: Gate, phase: Phase, choices: tuple[Choice, ...]
) -> None:
    error = JobError(code="content_moderated", message="No.") if phase is Phase.FAILED else None
    job = await gate.job(phase=phase, choices=choices, error=error)
    told = (await gate.client.get(f"/v1/videos/{job.id}")).json()
    read = openai.types.Video.construct(**told)
    assert (read.id, read.object, read.status) == (job.id, "video", told["status"])
    assert isinstance(read.model, str)
    assert isinstance(read.progress, int)
    assert read.error is None or read.error.code == "content_moderated"
    for known in (read.seconds, read.size):
        assert known is None or isinstance(known, str)
    if phase is Phase.COMPLETED or len(choices) == 1:
        # Where these are known the strict reading passes, too.
        openai.types.Video.model_validate({**told, "seconds": told["seconds"] or "5"})


async def test_every_url_of_a_finished_video_leads_somewhere(gate: Gate) -> None:
    job = await gate.job()
    told = (await gate.client.get(f"/v1/videos/{job.id}")).json()
    stills = {"thumbnail", "first_frame", "last_frame"}
    assert set(told["urls"]) == {"self", "cancel", "content", *stills}
    assert (await gate.client.post(told["urls"].pop("cancel"))).json()["code"] == "finished"
    for name, path in told["urls"].items():
        answer = await gate.client.get(path)
        # The film of these tests is none, so it has no stills.
        assert answer.status_code == (409 if name in stills else 200), name
