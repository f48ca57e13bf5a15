"""`[providers.NAME]`: what adapters let an operator set, checked against what they declare."""

import re
from collections.abc import Mapping

from gateway.config.faults import Faults, nearest, quoted, step
from providers.contract import Capabilities


def check_adapters(
    given: Mapping[str, Mapping[str, str]], providers: Mapping[str, Capabilities], faults: Faults
) -> dict[str, dict[str, str]]:
    """The sound settings by provider; a fault is noted for each of the others."""
    sound: dict[str, dict[str, str]] = {}
    for provider, settings in given.items():
        where = step("providers", provider)
        able = providers.get(provider)
        if able is None:
            faults.add(
                where, f"there is no provider {quoted(provider)}", nearest(provider, providers)
            )
        else:
            sound[provider] = _sound(settings, where, able, faults)
    return sound


def _sound(
    settings: Mapping[str, str], where: str, able: Capabilities, faults: Faults
) -> dict[str, str]:
    known = {setting.name: setting for setting in able.settings}
    sound: dict[str, str] = {}
    for name, value in settings.items():
        setting = known.get(name)
        at = step(where, name)
        if setting is None:
            hint = nearest(name, known) or f"{able.title} has none"
            faults.add(at, "is unknown", hint)
        elif not re.fullmatch(setting.pattern, value):
            faults.add(
                at,
                f"cannot be {quoted(value)}",
                f"{setting.meaning} For example {quoted(setting.default)}",
            )
        else:
            sound[name] = value
    return sound
