"""Which adapters exist: rows only. A new provider is one file and one row here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from providers import pictory, useapi_pixverse
from providers.contract import Adapter

ADAPTERS: Final[Mapping[str, Adapter]] = MappingProxyType(
    {
        adapter.capabilities.provider: adapter
        for adapter in (pictory.ADAPTER, useapi_pixverse.ADAPTER)
    }
)
"""Provider name, as written in targets and in the configuration, to its adapter."""
