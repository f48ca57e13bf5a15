"""A page of a list, as OpenAI's clients read it."""

from typing import Any, Generic, Literal, Protocol, Self, TypeVar

import msgspec


class Listed(Protocol):
    """What a list may hold."""

    @property
    def id(self) -> str:
        """What the next page is asked for with, as `after`."""
        ...


T = TypeVar("T", bound=Listed)


class Listing(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A page; `last_id` leads to the next one, where `has_more` says that there is one."""

    object: Literal["list"] = "list"
    data: tuple[T, ...]
    first_id: str | None
    last_id: str | None
    has_more: bool

    @classmethod
    def of(cls, data: tuple[T, ...], *, has_more: bool, **more: Any) -> Self:
        """The page that holds these, with `more` members where a list has its own."""
        return cls(
            data=data,
            first_id=data[0].id if data else None,
            last_id=data[-1].id if data else None,
            has_more=has_more,
            **more,
        )
