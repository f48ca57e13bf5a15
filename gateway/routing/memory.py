"""What `Routes.weigh` answers, remembered: requests mostly differ in the words of their prompt.

A prompt that is neither too short nor too long for any model changes nothing in the answer
but itself. Nor do the words for people, metadata, and where the notice goes.
"""

from typing import Final

import msgspec

from gateway.model.request import CreateVideo
from gateway.routing.characters import points, units
from gateway.routing.routes import Routes, Weighed

MOST: Final = 1024
"""How many answers are remembered; then it begins anew."""


class Weighings:
    """The answers of one set of routes."""

    def __init__(self) -> None:
        self._routes: Routes | None = None
        self._lengths = range(0)
        self._known: dict[bytes, tuple[Weighed, ...]] = {}

    def weigh(self, routes: Routes, request: CreateVideo) -> tuple[Weighed, ...]:
        """As `routes.weigh` does.

        Raises:
            InvalidError: As there.
        """
        if self._routes is not routes:
            self._routes, self._lengths, self._known = routes, _lengths(routes), {}
        prompt = request.prompt
        free = request.given or request.provider_options or request.negative_prompt is not None
        if prompt is None or free or not self._fits(prompt):
            return routes.weigh(request)
        key = msgspec.json.encode(
            msgspec.structs.replace(request, prompt="", callback_url=None, metadata={})
        )
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MOST:
                self._known.clear()
            known = self._known[key] = routes.weigh(request)
        return tuple(_with(one, prompt) for one in known)

    def _fits(self, prompt: str) -> bool:
        return points(prompt) in self._lengths and units(prompt) in self._lengths


def _lengths(routes: Routes) -> range:
    """The lengths that every model takes."""
    offers = [offer for table in routes.providers.values() for offer in table.offers]
    shortest = max((offer.prompt_min for offer in offers), default=0)
    return range(shortest, min((offer.prompt_max for offer in offers), default=-1) + 1)


def _with(weighed: Weighed, prompt: str) -> Weighed:
    if weighed.choice is None:
        return weighed
    replace = msgspec.structs.replace
    spec = replace(weighed.choice.spec, prompt=prompt)
    return replace(weighed, choice=replace(weighed.choice, spec=spec))
