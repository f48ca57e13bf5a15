"""Faults of the canonical request, told in the words the caller used."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from gateway.model.errors import FieldFault
from gateway.model.sizes import Size, closest, pixels

RATIO: Final = "/aspect_ratio"
RESOLUTION: Final = "/resolution"


class Spelled(dict[str, str]):
    """Canonical pointers, each with the one the caller used, where it is another one.

    `size` is what the caller's `size` stood for, None where there was none.
    """

    size: Size | None = None


def as_spelled(faults: Iterable[FieldFault], spelled: Mapping[str, str]) -> tuple[FieldFault, ...]:
    """The same faults at the caller's own pointers.

    A `size` is one field to the caller: what is wrong with its shape and with its lines is
    one fault of each target, and the values allowed are sizes.
    """
    size = spelled.size if isinstance(spelled, Spelled) else None
    groups: dict[object, list[FieldFault]] = {}
    for number, fault in enumerate(faults):
        one_field = size is not None and fault.pointer in {RATIO, RESOLUTION}
        groups.setdefault((fault.target,) if one_field else number, []).append(fault)
    return tuple(
        _of_size(group, size)
        if size is not None and isinstance(key, tuple)
        else msgspec.structs.replace(group[0], pointer=_pointer(group[0].pointer, spelled))
        for key, group in groups.items()
    )


def _pointer(pointer: str, spelled: Mapping[str, str]) -> str:
    """The caller's pointer for this one, or for what it is in."""
    outer, rest = pointer, ""
    while outer:
        if outer in spelled:
            return spelled[outer] + rest
        outer, slash, last = outer.rpartition("/")
        rest = f"{slash}{last}{rest}"
    return pointer


def _of_size(group: Sequence[FieldFault], size: Size) -> FieldFault:
    allowed: dict[str, tuple[str, ...]] = {
        RATIO: (size.aspect_ratio,),
        RESOLUTION: (size.resolution,),
    }
    allowed |= {fault.pointer: tuple(map(str, fault.allowed)) for fault in group}
    sizes = [
        found
        for ratio in allowed[RATIO]
        for resolution in allowed[RESOLUTION]
        if (found := pixels(ratio, resolution)) is not None
    ]
    return msgspec.structs.replace(
        group[0],
        pointer="/size",
        detail="; ".join(fault.detail for fault in group),
        allowed=tuple(sizes),
        nearest=closest(size, sizes),
    )
