"""Seeds of histories that once went wrong: run for ever.

A seed means what `plan_of` makes of it: whoever changes that looks for these anew.
"""

from typing import Final

FOUND: Final[tuple[int, ...]] = (
    # A gateway that was halted while it left did not stop in good order.
    3322,
)
