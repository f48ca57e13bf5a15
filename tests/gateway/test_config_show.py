"""Settings in print."""

import tomllib
from pathlib import Path

import msgspec

from gateway.config import Settings, effective, settings_table
from gateway.config.read import Kind
from tests.gateway.test_config_support import CANARY, SOUND, load_text


def test_the_effective_tree_is_toml_with_every_section(tmp_path: Path) -> None:
    tree = tomllib.loads(effective(load_text(tmp_path)))

    assert tuple(tree) == Settings.__struct_fields__
    assert tree["server"]["port"] == 8080
    assert tree["accounts"][1]["max_jobs"] == 5
    assert tree["routes"] == {"default": ["orbit-video/o2.5", "acme/fast"]}


def test_tables_in_tables_and_amounts_are_shown(tmp_path: Path) -> None:
    text = (
        f"{SOUND}[money]\ncurrency = 'USD'\n[money.credit]\nacme = '0.0400'\n"
        "[providers.orbit-video]\npath = 'v2/make'\n[webhooks]\nsecret = 'env:HOOK_KEY'\n"
    )
    tree = tomllib.loads(effective(load_text(tmp_path, text, {"HOOK_KEY": f"whsec_{'A' * 32}"})))

    assert tree["money"] == {"currency": "USD", "credit": {"acme": "0.0400"}}
    assert tree["providers"] == {"orbit-video": {"path": "v2/make"}}
    assert tree["webhooks"] == {"secret": "***"}


def test_odd_names_and_values_are_escaped_as_toml_wants_it(tmp_path: Path) -> None:
    text = SOUND + '"sehr \\"schön\\"" = [\'acme/fast\']\n[media]\ndirectory = \'/a"b\\c\'\n'
    settings = load_text(tmp_path, text)
    tree = tomllib.loads(effective(settings))

    assert 'sehr "schön"' in tree["routes"]
    assert tree["media"]["directory"] == str(settings.media.directory)


def test_secrets_are_stars_wherever_settings_are_shown(tmp_path: Path) -> None:
    settings = load_text(tmp_path)
    tree = tomllib.loads(effective(settings))

    assert tree["server"]["api_keys"] == ["***"]
    assert tree["accounts"][0]["api_key"] == "***"
    assert CANARY not in effective(settings) + repr(settings) + str(settings)


def described(struct: type[msgspec.Struct]) -> list[Kind]:
    found: list[Kind] = []
    for field in msgspec.structs.fields(struct):
        kind = Kind.of(field.type)
        inner = kind.struct or (kind.items and kind.items.struct)
        found += described(inner) if inner else [kind]
    return found


def test_the_table_has_a_described_row_for_every_setting() -> None:
    kinds = described(Settings)
    rows = settings_table().splitlines()[2:]

    assert len(rows) == len(kinds)
    assert all(kind.meta.description for kind in kinds)
    assert all(row.count(" | ") == 3 for row in rows)
    assert "| `routes.NAME` | list of strings | none |" in "\n".join(rows)
    assert "| `providers.NAME.SETTING` | string | none |" in "\n".join(rows)
    assert "| `money.credit.NAME` | amount | none |" in "\n".join(rows)
    assert "| `server.port` | integer, 1 to 65535 | `8080` | TCP port to listen on. |" in rows
