"""Credentials that do not show themselves."""

from hmac import compare_digest


class Secret:
    """A credential that does not show itself: `repr()`, `str()` and JSON encoders get no value.

    Call `reveal()` at the one place where it goes onto the wire.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        mine, theirs = (one.reveal().encode("utf-8", "surrogatepass") for one in (self, other))
        return compare_digest(mine, theirs)

    def __hash__(self) -> int:
        return hash(self._value)

    def reveal(self) -> str:
        """The value itself."""
        return self._value
