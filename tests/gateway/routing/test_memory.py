"""What is remembered of a request is what would have been said of it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import RouteSettings
from gateway.model.errors import InvalidError
from gateway.model.inputs import UrlInput
from gateway.model.request import CreateVideo, Routing
from gateway.routing.memory import MOST, Weighings
from gateway.routing.routes import Routes
from providers.registry import ADAPTERS

TABLES = {name: adapter.capabilities for name, adapter in ADAPTERS.items()}
BARE = Routes(providers=TABLES, routes={}, public_url=False)
ROUTES = msgspec.structs.replace(BARE, routes={"default": RouteSettings(targets=BARE.targets())})

requests = st.builds(
    CreateVideo,
    prompt=st.none() | st.text(max_size=12) | st.sampled_from(["A drone", "😀" * 3, "x" * 6000]),
    seconds=st.none() | st.sampled_from([5, 8, 99]),
    aspect_ratio=st.none() | st.sampled_from(["16:9", "7:5"]),
    seed=st.none() | st.sampled_from([1, -1]),
    negative_prompt=st.none() | st.just("blur"),
    first_frame=st.none() | st.just(UrlInput("https://example.com/a.png")),
    metadata=st.sampled_from([{}, {"scene": "7"}]),
    provider_options=st.sampled_from([{}, {"pictory": {"x": 1}}]),
    routing=st.builds(Routing, max_cost=st.none() | st.just("0.1")),
)


@given(st.lists(requests, min_size=1, max_size=8))
def test_it_answers_what_the_routes_answer(asked: list[CreateVideo]) -> None:
    weighings = Weighings()

    for request in asked * 2:
        assert weighings.weigh(ROUTES, request) == ROUTES.weigh(request)


def test_requests_that_differ_in_their_words_are_weighed_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weighings, weigh, weighed = Weighings(), Routes.weigh, []

    def counted(routes: Routes, request: CreateVideo) -> object:
        weighed.append(request.prompt)
        return weigh(routes, request)

    monkeypatch.setattr(Routes, "weigh", counted)
    for n in range(9):
        weighings.weigh(ROUTES, CreateVideo(prompt=f"A drone {n}", metadata={"n": str(n)}))

    assert weighed == ["A drone 0"]


def test_an_unknown_model_is_refused_every_time() -> None:
    weighings = Weighings()

    for _ in range(2):
        with pytest.raises(InvalidError):
            weighings.weigh(ROUTES, CreateVideo(model="nobody", prompt="A drone"))


def test_other_routes_have_other_answers() -> None:
    weighings, request = Weighings(), CreateVideo(prompt="A drone")
    fewer = msgspec.structs.replace(
        ROUTES, routes={"default": RouteSettings(targets=BARE.targets()[:1])}
    )

    assert len(weighings.weigh(ROUTES, request)) == len(BARE.targets())
    assert len(weighings.weigh(fewer, request)) == 1


def test_it_does_not_grow_for_ever() -> None:
    weighings = Weighings()

    for n in range(MOST + 1):
        weighings.weigh(ROUTES, CreateVideo(prompt="A drone", seed=n))

    assert len(weighings._known) == 1
