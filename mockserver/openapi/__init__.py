"""An OpenAPI 3.1 document per provider, made from the route table and the rule tables.

Every operation, parameter, property and response says by `x-evidence` how well it is known and by
`x-source` from where. A route without a description here is an error, never a gap.
"""

from collections.abc import Callable, Mapping, Sequence

from mockserver.openapi import pictory, pixverse
from mockserver.openapi.parts import Document
from mockserver.wire.http import Route

PROVIDERS: Mapping[str, Callable[[Sequence[Route], str], Document]] = {
    "pictory": pictory.document,
    "pixverse": pixverse.document,
}


def document_of(provider: str, routes: Sequence[Route], origin: str) -> Document:
    """The document of one provider.

    Args:
        provider: a key of `PROVIDERS`.
        routes: the whole route table; those of others are left out.
        origin: scheme and authority under which this mock is reached.
    """
    return PROVIDERS[provider](routes, origin)
