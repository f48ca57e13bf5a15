"""Two made-up providers and the smallest sound configuration, for the tests of the settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.config import ConfigError, ConfigFault, Settings, load
from providers.contract import Capabilities, Credit, InputForm, Mode, Offer, Setting


def offer(model: str) -> Offer:
    return Offer(
        model=model,
        mode=Mode.TEXT,
        seconds=(5,),
        aspect_ratios=("16:9",),
        prompt_max=100,
        source="made up",
    )


PROVIDERS = {
    "acme": Capabilities(
        provider="acme",
        title="Acme",
        base_url="https://api.acme.example/v1",
        input_form=InputForm.URL,
        credit=Credit(name="credit", unit="acme_tenths", parts=10),
        offers=(offer("fast"), offer("fine")),
    ),
    "orbit-video": Capabilities(
        provider="orbit-video",
        title="Orbit",
        base_url="https://orbit.example",
        input_form=InputForm.UPLOAD,
        credit=Credit(name="credit", unit="orbit_credits"),
        offers=(offer("o2.5"),),
        needs_email=True,
        max_jobs_limit=8,
        settings=(
            Setting(
                name="model", default="o2.5", pattern="[a-z0-9.]{1,20}", meaning="The one model."
            ),
            Setting(
                name="path", default="make", pattern="[a-z0-9/]+", meaning="Where it is asked."
            ),
        ),
    ),
}


def configured(settings: Mapping[str, Mapping[str, str]]) -> dict[str, Capabilities]:
    """What the two can do when their adapters have these settings."""
    orbit = PROVIDERS["orbit-video"]
    model = settings.get("orbit-video", {}).get("model", "o2.5")
    return {**PROVIDERS, "orbit-video": replace(orbit, offers=(offer(model),))}


CANARY = "sk-live-canary-7c1e0b"
ENVIRON = {"ACME_KEY": CANARY, "ORBIT_KEY": f"{CANARY}-2", "GATE_KEY": f"{CANARY}-3"}

SOUND = """
[server]
api_keys = ["env:GATE_KEY"]
[[accounts]]
name = "a"
provider = "acme"
api_key = "env:ACME_KEY"
[[accounts]]
name = "o"
provider = "orbit-video"
api_key = "env:ORBIT_KEY"
email = "ops@example.com"
max_jobs = 5
[routes]
default = ["orbit-video/o2.5", "acme/fast"]
"""


def load_text(
    folder: Path,
    text: str = SOUND,
    environ: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
    *,
    accounts_required: bool = True,
) -> Settings:
    """Load `text` as the file `folder/gate.toml`."""
    path = folder / "gate.toml"
    path.write_text(text, encoding="utf-8")
    merged = {**ENVIRON, **(environ or {})}
    return load(
        path,
        merged,
        PROVIDERS,
        configure=configured,
        extra=extra,
        accounts_required=accounts_required,
    )


def faults_of(
    folder: Path, text: str, environ: Mapping[str, str] | None = None
) -> list[ConfigFault]:
    """The faults of `text`; fails when there are none."""
    with pytest.raises(ConfigError) as caught:
        load_text(folder, text, environ)
    return list(caught.value.faults)
