"""What hypothesis draws from: the capability tables, and everything a wire may carry."""

import json
from typing import Any, Final, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from providers.contract import (
    ROLES,
    Account,
    Capabilities,
    HttpResponse,
    InputForm,
    Offer,
    Option,
    OptionKind,
    Role,
    Secret,
    Submission,
    VideoSpec,
)
from providers.registry import ADAPTERS

T = TypeVar("T")

CALM: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""

TELLABLE: Final = st.characters(exclude_categories=["Cs"])
"""Characters that JSON in UTF-8 can carry."""

ROWS: Final[tuple[tuple[Capabilities, Offer], ...]] = tuple(
    (adapter.capabilities, offer)
    for adapter in ADAPTERS.values()
    for offer in adapter.capabilities.offers
)
"""Every offer of every provider."""

LEAVES: Final[st.SearchStrategy[Any]] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, 5, 7, 8, 10, 2**31, 2**63, 2**64, -(2**64), 10**400])
    | st.floats()
    | st.text()
    | st.text(st.characters(categories=["Cs", "Cc", "Zs", "Lu"]))
)


def json_values(names: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[Any]:
    """Any JSON value as Python decodes it, NaN, huge numbers and lone surrogates included."""
    keys = st.text() if names is None else names | st.text(max_size=3)
    return st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
        max_leaves=12,
    )


def objects(*names: str, likely: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[Any]:
    """JSON objects whose members bear these names more often than not."""
    known = st.sampled_from(names)
    values = json_values(known) if likely is None else likely | json_values(known)
    return st.dictionaries(known | st.text(max_size=3), values, max_size=len(names))


def encoded(values: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """The values as JSON on the wire, some of it not JSON at all (NaN) or not UTF-8."""
    return values.map(
        lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    )


def wire_bytes(values: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """Bodies: those values, cut short, followed by rubbish, nested too deep, or pure chance."""
    whole = encoded(values)
    return (
        whole
        | st.builds(lambda body, at: body[:at], whole, st.integers(0, 40))
        | st.builds(lambda body, tail: body + tail, whole, st.binary(max_size=4))
        | st.sampled_from([b"", b"\x00", b"<html>", b"[" * 3000, b'{"data":' * 3000])
        | st.binary(max_size=60)
    )


def responses(
    values: st.SearchStrategy[Any], statuses: st.SearchStrategy[int] | None = None
) -> st.SearchStrategy[HttpResponse]:
    """Answers with any status, and now and then a `Retry-After` of any kind."""
    headers = st.fixed_dictionaries(
        {},
        optional={
            "retry-after": st.text(max_size=12)
            | st.integers().map(str)
            | st.sampled_from(["9" * 400, "Wed, 21 Oct 2015 07:28:00 +99999999999999"]),
            "date": st.text(max_size=12) | st.just("Wed, 21 Oct 2015 07:27:00 GMT"),
        },
    )
    usual = st.sampled_from([200, 400, 401, 402, 403, 404, 412, 422, 429, 500, 502, 596])
    return st.builds(
        lambda status, heads, body: HttpResponse(status=status, headers=heads, body=body),
        (usual | st.integers(100, 999)) if statuses is None else statuses,
        headers,
        wire_bytes(values),
    )


def account(provider: str, **values: Any) -> Account:
    """An account of ours at a provider."""
    facts: dict[str, Any] = {
        "name": "main",
        "provider": provider,
        "key": Secret("user:1234-secret-token"),
        "base_url": f"https://{provider}.example/api",
        "max_jobs": 3,
        "email": "ops@example.com",
    }
    return Account(**(facts | values))


def option_values(option: Option) -> st.SearchStrategy[Any]:
    """Anything that a provider's own field takes."""
    if option.allowed:
        return st.sampled_from(option.allowed)
    match option.kind:
        case OptionKind.STRING:
            return st.text(TELLABLE, min_size=1, max_size=20)
        case OptionKind.INTEGER:
            return st.integers(option.low, option.high)
        case OptionKind.BOOLEAN:
            return st.booleans()


def inputs_of(offer: Offer, form: InputForm, pictures: int = 1) -> dict[Role, tuple[str, ...]]:
    """What this offer makes a video from, in the provider's form; so many references."""
    place = "upload/" if form is InputForm.UPLOAD else "https://a.example/"
    given: dict[Role, tuple[str, ...]] = {}
    for role in ROLES[offer.mode]:
        count = pictures if role is Role.REFERENCE else 1
        ending = "mp4" if role is Role.EXTEND else "png"
        given[role] = tuple(f"{place}{role.value}-{n}.{ending}" for n in range(count))
    return given


@st.composite
def specs(draw: st.DrawFn, offer: Offer) -> VideoSpec:
    """Any video of an offer."""

    def maybe(values: st.SearchStrategy[T], *, there: bool = True) -> T | None:
        return draw(st.none() | values) if there else None

    def choice(values: tuple[T, ...]) -> T | None:
        return draw(st.sampled_from(values)) if values else None

    prompts = st.text(TELLABLE, min_size=max(offer.prompt_min, 1), max_size=20)
    return VideoSpec(
        model=offer.model,
        mode=offer.mode,
        prompt=draw(prompts if offer.prompt_required else st.none() | prompts),
        seconds=draw(st.sampled_from(offer.seconds)),
        aspect_ratio=choice(offer.aspect_ratios),
        resolution=choice(offer.resolutions),
        seed=maybe(st.integers(*offer.seed)) if offer.seed else None,
        negative_prompt=maybe(
            st.text(TELLABLE, min_size=1, max_size=20), there=offer.negative_prompt_max is not None
        ),
        motion_mode=choice(offer.motion_modes),
        remove_watermark=None if offer.watermark is None else draw(st.booleans()),
        options=draw(
            st.fixed_dictionaries(
                {}, optional={option.name: option_values(option) for option in offer.options}
            )
        ),
    )


@st.composite
def submissions(draw: st.DrawFn, provider: str) -> Submission:
    """Anything that an offer of this provider allows."""
    capabilities, offer = draw(
        st.sampled_from([row for row in ROWS if row[0].provider == provider])
    )
    return Submission(
        account=account(provider),
        spec=draw(specs(offer)),
        inputs=inputs_of(
            offer, capabilities.input_form, draw(st.integers(*(offer.references or (1, 1))))
        ),
        callback_url=draw(st.none() | st.just("https://gate.example/callbacks/x/token")),
        reference="att_1",
    )
