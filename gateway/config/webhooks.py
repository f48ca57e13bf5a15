"""`[webhooks]`: the secret that webhooks to clients are signed with."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from gateway.config.faults import Faults

PREFIX: Final = "whsec_"
BYTES: Final = (24, 64)
"""What Standard Webhooks allows."""


def check_webhooks(webhooks: Mapping[str, Any], faults: Faults) -> None:
    """Note a secret that no receiver could check a signature with. Never shows it."""
    secret = webhooks.get("secret")
    if secret is None or _is_usable(secret.reveal()):
        return
    low, high = BYTES
    faults.add(
        "webhooks.secret",
        f"is no webhook secret: {PREFIX} and {low} to {high} bytes in base64",
        'one is made by: echo "whsec_$(openssl rand -base64 32)"',
    )


def _is_usable(text: str) -> bool:
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return text.startswith(PREFIX) and BYTES[0] <= len(key) <= BYTES[1]
