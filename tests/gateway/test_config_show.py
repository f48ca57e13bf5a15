"""Settings in print."""

import tomllib
from pathlib import Path

import msgspec
import pytest

from gateway.config import Settings, effective, settings_table
from gateway.config.read import Kind
from tests.gateway.test_config_support import CANARY, SOUND, load_text


def test_the_effective_tree_is_toml_with_every_section(tmp_path: Path) -> None:
    tree = tomllib.loads(effective(load_text(tmp_path)))

    assert tuple(tree) == Settings.__struct_fields__
    assert tree["server"]["port"] == 8080
    assert tree["accounts"][1]["max_jobs"] == 5
    assert tree["accounts"][0]["exclusive"] is True
    assert tree["routes"]["default"] == {
        "targets": ["orbit-video/o2.5", "acme/fast"],
        "strategy": "priority",
        "weights": {},
    }


def test_tables_in_tables_and_amounts_are_shown(tmp_path: Path) -> None:
    text = (
        f"{SOUND}[money]\ncurrency = 'USD'\n[money.credit]\nacme = '0.0400'\n"
        "[providers.orbit-video]\npath = 'v2/make'\n[webhooks]\nsecret = 'env:HOOK_KEY'\n"
    )
    tree = tomllib.loads(effective(load_text(tmp_path, text, {"HOOK_KEY": f"whsec_{'A' * 32}"})))

    assert tree["money"] == {"currency": "USD", "credit": {"acme": "0.0400"}}
    assert tree["providers"] == {"orbit-video": {"path": "v2/make"}}
    assert tree["webhooks"] == {"secret": "***"}


def test_what_is_shown_of_the_routes_can_be_read_again(tmp_path: Path) -> None:
    weighted = (
        '[routes."the cheap"]\ntargets = ["acme/fast", "acme/fine"]\nstrategy = "weighted"\n'
        'weights = { "acme/fast" = 3, "acme/fine" = 1 }\n'
    )
    settings = load_text(tmp_path, f"{SOUND}{weighted}")
    shown = effective(settings)
    again = SOUND[: SOUND.index("[routes]")] + shown[shown.index("[routes]") :]
    again = again[: again.index("[money]")]

    assert '"acme/fast" = 3' in again
    assert load_text(tmp_path, again).routes == settings.routes


@pytest.mark.parametrize(
    "text",
    [
        f"url = 'postgresql://filmgate:{CANARY}@db/filmgate'",
        "url = 'postgresql://filmgate@db/filmgate'\npassword = 'env:ACME_KEY'",
    ],
)
def test_the_databases_password_is_stars_wherever_it_was_given(tmp_path: Path, text: str) -> None:
    settings = load_text(tmp_path, f"{SOUND}[database]\n{text}\n")
    tree = tomllib.loads(effective(settings))

    assert tree["database"] == {"url": "postgresql://filmgate@db/filmgate", "password": "***"}
    assert CANARY not in effective(settings) + repr(settings) + str(settings)


def test_odd_names_and_values_are_escaped_as_toml_wants_it(tmp_path: Path) -> None:
    text = SOUND + '"sehr \\"schön\\"" = [\'acme/fast\']\n[media]\ndirectory = \'/a"b\\c\'\n'
    settings = load_text(tmp_path, text)
    tree = tomllib.loads(effective(settings))

    assert 'sehr "schön"' in tree["routes"]
    assert tree["media"]["directory"] == str(settings.media.directory)


def test_secrets_are_stars_wherever_settings_are_shown(tmp_path: Path) -> None:
    text = SOUND.replace("[server]", "[server]\noperator_keys = ['env:ACME_KEY']")
    settings = load_text(tmp_path, text)
    tree = tomllib.loads(effective(settings))

    assert tree["server"]["api_keys"] == ["***"]
    assert tree["server"]["operator_keys"] == ["***"]
    assert tree["accounts"][0]["api_key"] == "***"
    assert CANARY not in effective(settings) + repr(settings) + str(settings)


def described(struct: type[msgspec.Struct]) -> list[Kind]:
    found: list[Kind] = []
    for field in msgspec.structs.fields(struct):
        kind = Kind.of(field.type)
        held = kind.items or kind.values or kind
        inner = held.struct
        found += described(inner) if inner else [kind]
    return found


def test_the_table_has_a_described_row_for_every_setting() -> None:
    kinds = described(Settings)
    rows = settings_table().splitlines()[2:]

    assert len(rows) == len(kinds)
    assert all(kind.meta.description for kind in kinds)
    assert all(row.count(" | ") == 3 for row in rows)
    assert "| `routes.NAME.targets` | list of strings | required |" in "\n".join(rows)
    assert (
        "| `routes.NAME.strategy` | `priority` or `least_busy` or `cheapest` or `weighted` "
        '| `"priority"` |'
    ) in "\n".join(rows)
    assert "| `routes.NAME.weights.TARGET` | integer, 1 to 1000000 | none |" in "\n".join(rows)
    assert "| `accounts[].exclusive` | boolean | `true` |" in "\n".join(rows)
    assert "| `watch.lease_seconds` | number, 1 to 3600 | `15.0` |" in "\n".join(rows)
    assert "| `providers.NAME.SETTING` | string | none |" in "\n".join(rows)
    assert "| `money.credit.NAME` | amount | none |" in "\n".join(rows)
    assert "| `server.port` | integer, 1 to 65535 | `8080` | TCP port to listen on. |" in rows
