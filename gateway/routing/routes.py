"""From the `model` of a request to the ways of serving it."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import msgspec

from gateway.model.errors import FieldFault, InvalidError
from gateway.model.job import Choice
from gateway.model.request import CreateVideo
from gateway.routing.fit import fit
from providers.contract import Capabilities, VideoSpec


class Routes(msgspec.Struct, frozen=True, kw_only=True):
    """What `model` may name: routes, and targets of the providers that have an account.

    `public_url` says whether providers can fetch pictures from the gateway.
    """

    providers: Mapping[str, Capabilities]
    routes: Mapping[str, Sequence[str]]
    public_url: bool

    def targets(self) -> tuple[str, ...]:
        """Every target that has an account, in table order."""
        return tuple(
            dict.fromkeys(
                f"{name}/{offer.model}"
                for name, capabilities in self.providers.items()
                for offer in capabilities.offers
            )
        )

    def choices(self, request: CreateVideo) -> tuple[Choice, ...]:
        """The ways to serve `request`, in the route's order.

        Raises:
            InvalidError: No target can; `errors` holds every reason of every target.
        """
        known = self.targets()
        wanted = self.routes.get(request.model) or (
            (request.model,) if request.model in known else ()
        )
        if not wanted:
            raise InvalidError(
                "The model is unknown.", errors=(self._unknown_model(request.model, known),)
            )
        choices: list[Choice] = []
        faults: list[FieldFault] = []
        for target in wanted:
            provider, _, model = target.partition("/")
            found = fit(request, self.providers[provider], model, public_url=self.public_url)
            if isinstance(found, VideoSpec):
                choices.append(Choice(provider=provider, spec=found))
            else:
                faults.extend(found)
        if not choices:
            raise InvalidError("No target can serve this request as it is.", errors=faults)
        return tuple(choices)

    def _unknown_model(self, name: str, known: Sequence[str]) -> FieldFault:
        names = (*self.routes, *known)
        near = get_close_matches(name, names, n=1, cutoff=0.4)
        return FieldFault(
            pointer="/model",
            code="unknown_model",
            detail=f"there is no route or target {name[:100]!r}"
            + (f"; did you mean {near[0]!r}?" if near else ""),
            allowed=names,
            nearest=near[0] if near else None,
        )
