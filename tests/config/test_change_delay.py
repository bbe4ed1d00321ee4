"""The delay of pending changes: at least one minute, except in a demo."""

from pathlib import Path

import pytest

from keyturn.administration import installation_of
from keyturn.cli.demo.settings import demo_settings
from keyturn.clock import SECOND
from keyturn.config.loading import load_settings
from keyturn.config.settings import Settings
from keyturn.config.validation import ConfigError


def test_change_delay_is_ten_minutes_and_can_be_set() -> None:
    assert installation_of(Settings()).delay == 600 * SECOND
    assert installation_of(load_settings(None, {"KEYTURN_CHANGES_DELAY": "60"})).delay == 60 * SECOND


@pytest.mark.parametrize("delay", ["0", "1", "59", "-600"])
def test_change_delay_cannot_be_configured_away(tmp_path: Path, delay: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"[changes]\ndelay = {delay}\n")
    for written, environ in ((file, {}), (None, {"KEYTURN_CHANGES_DELAY": delay})):
        with pytest.raises(ConfigError, match=r"changes\.delay"):
            load_settings(written, environ)


def test_a_demo_has_none_unless_it_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert installation_of(demo_settings(tmp_path, 0, "http://127.0.0.1:1", None)).delay == 0
    monkeypatch.setenv("KEYTURN_CHANGES_DELAY", "120")
    assert installation_of(demo_settings(tmp_path, 0, "http://127.0.0.1:1", None)).delay == 120 * SECOND
