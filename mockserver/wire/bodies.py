"""JSON bodies from strangers: whatever the bytes are, the answer is an object or a ValueError."""

from collections.abc import Mapping
from typing import Any

import msgspec


def json_object(body: bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    """The object that the bytes hold; a mapping is taken as it is.

    Raises:
        ValueError: they hold something else, or nothing that can be read.
    """
    if isinstance(body, Mapping):
        return body
    try:
        value = msgspec.json.decode(body)
    except RecursionError:
        raise ValueError("Invalid JSON: nested too deeply") from None
    except ValueError as fault:
        # msgspec's own error and that of a body that is not UTF-8 are both of this kind.
        raise ValueError(f"Invalid JSON: {fault}") from None
    if not isinstance(value, dict):
        raise ValueError("The request body must be a JSON object")  # noqa: TRY004
    return value
