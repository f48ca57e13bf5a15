"""In which order faults are told: clients show their users the first one only."""

from collections import Counter
from collections.abc import Iterable

from gateway.model.errors import FieldFault


def likely_first(faults: Iterable[FieldFault]) -> tuple[FieldFault, ...]:
    """The same faults, those first that the caller most likely has to mend.

    An unknown model comes before all else, and what is wrong for every target before what is
    wrong for one. The target with the fewest faults is the nearest to what was asked for, but
    one that makes no videos from what was given was hardly meant at all.
    """
    told = list(faults)
    count = Counter(fault.target for fault in told)
    astray = {fault.target for fault in told if fault.code == "unsupported_mode"}

    def rank(fault: FieldFault) -> tuple[bool, bool, bool, int]:
        of_one = fault.target is not None
        return (
            fault.code != "unknown_model",
            of_one,
            of_one and fault.target in astray,
            count[fault.target] if of_one else 0,
        )

    return tuple(sorted(told, key=rank))
