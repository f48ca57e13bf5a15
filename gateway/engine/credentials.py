"""What an account is at its provider: other credentials under its name are another account."""

from collections.abc import Iterable

from gateway.model.ids import digest
from providers.contract import Account


def credentials(account: Account) -> str:
    """A digest of all that decides what an account sees there; the key cannot be told from it."""
    parts = (account.provider, account.base_url, account.email, account.key.reveal())
    return digest("\n".join(part or "" for part in parts))[:16]


def alike(account: Account, among: Iterable[Account]) -> list[Account]:
    """The accounts that see the same lists: what one sent is in the others' too."""
    mine = credentials(account)
    return [one for one in among if credentials(one) == mine]
