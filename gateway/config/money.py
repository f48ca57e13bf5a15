"""`[money]`: whose credits cost what, and in which currency."""

import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.config.faults import Faults, nearest, quoted, step
from providers.contract import Capabilities

_CURRENCY: Final = re.compile(r"[A-Z]{3}")


def check_money(
    money: Mapping[str, Any], providers: Mapping[str, Capabilities], faults: Faults
) -> None:
    """Note every broken rule of the section."""
    currency = money.get("currency")
    if currency is not None and not _CURRENCY.fullmatch(currency):
        faults.add("money.currency", f"{quoted(currency)} is no currency code", "for example USD")
    credit = money.get("credit", {})
    if credit and "currency" in money and currency is None:
        faults.add("money.currency", "is missing: prices are in no currency", "for example USD")
    for name in credit:
        if name not in providers:
            hint = nearest(name, providers)
            faults.add(step("money.credit", name), f"there is no provider {quoted(name)}", hint)
