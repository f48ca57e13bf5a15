"""What a body that cannot be read leaves unknown, and which faults follow from that alone."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from gateway.model.aliases import MEANS, UNFOLDED, Claim
from gateway.model.errors import FieldFault
from providers.contract import Role

INPUTS: Final = frozenset(f"/{role.value}" for role in Role)

_PRICED: Final = INPUTS | {"/seconds", "/size", "/resolution", "/motion_mode", "/provider_options"}
"""Without these the price is not that of the video that was meant."""


def misspelled(faults: Iterable[FieldFault]) -> Iterator[str]:
    """The names of a body that unknown ones most likely stand for."""
    for fault in faults:
        if fault.code == "unknown_field" and fault.pointer.count("/") == 1:
            name = str(fault.nearest)
            if name in MEANS or name in UNFOLDED:
                yield name


def lost_fields(given: Sequence[Claim], faults: Sequence[FieldFault]) -> frozenset[str]:
    """The canonical fields whose values are unknown because of these faults."""
    lost = {_canonical(name) for name in misspelled(faults)}
    for fault in faults:
        fields = {claim.field for claim in given if f"{fault.pointer}/".startswith(f"{claim.at}/")}
        if fields or fault.code != "unknown_field":
            lost |= fields or {_canonical(fault.pointer.split("/")[1])}
        elif fault.nearest is not None:
            # Inside an object that is spread over several fields, as in `routing`.
            lost.add(f"{fault.pointer.rpartition('/')[0]}/{fault.nearest}")
    return frozenset(lost)


def still_true(faults: Iterable[FieldFault], lost: frozenset[str]) -> tuple[FieldFault, ...]:
    """The faults of the sound part of a request that do not come from what is lost.

    Where a target has no other faults, it may yet serve the request: then nothing is wrong
    that only other targets mind.
    """
    told = tuple(faults)
    kept = tuple(fault for fault in told if not _follows(fault, lost))
    if {fault.target for fault in told} - {fault.target for fault in kept} - {None}:
        return tuple(fault for fault in kept if fault.target is None)
    return kept


def _follows(fault: FieldFault, lost: frozenset[str]) -> bool:
    if fault.code == "unsupported_mode" and lost & INPUTS:
        return True
    if fault.code == "too_expensive" and lost & _PRICED:
        return True
    return any(f"{fault.pointer}/".startswith(f"{field}/") for field in lost)


def _canonical(name: str) -> str:
    return f"/{MEANS.get(name, name)}"
