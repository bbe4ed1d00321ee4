"""The default file is the reference: it and the settings agree."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import msgspec

from keyturn.config.loading import load_settings
from keyturn.config.settings import ConnectorSettings, HttpSettings, Settings

DEFAULTS = files("keyturn.config").joinpath("config.default.toml").read_text("utf-8")
EXAMPLES = re.sub(r"^#(?=[\[a-z])", "", DEFAULTS, flags=re.MULTILINE)


def test_the_default_file_gives_every_default(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(DEFAULTS)

    assert load_settings(file, {}) == Settings()


def test_the_default_file_writes_every_key_with_its_default() -> None:
    expected = msgspec.json.decode(msgspec.json.encode(Settings()))
    del expected["connectors"]

    assert tomllib.loads(DEFAULTS) == expected


def test_the_connector_example_shows_every_key(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(EXAMPLES)

    connectors = load_settings(file, {}).connectors

    examples = tomllib.loads(EXAMPLES)["connectors"]
    assert set(examples["acme"]) | set(examples["gateway"]) == set(ConnectorSettings.__struct_fields__)
    assert set(examples["acme"]["http"]) == set(HttpSettings.__struct_fields__)
    assert connectors["acme"].http.definition == "acme.toml"


def test_every_key_has_a_line_of_meaning_above_it() -> None:
    lines = DEFAULTS.splitlines()
    keys = [number for number, line in enumerate(lines) if re.match(r"#?[a-z_]+ = ", line)]

    bare = [
        lines[number]
        for number in keys
        if not lines[number - 1].startswith("# ") and not re.match(r"#?\[.+_wait\]", lines[number - 1])
    ]

    assert bare == []
