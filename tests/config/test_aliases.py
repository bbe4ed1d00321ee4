"""A setting is read under its former name too; both names together are refused."""

from pathlib import Path

import pytest

from keyturn.config.aliases import RENAMED
from keyturn.config.loading import load_settings
from keyturn.config.settings import Settings
from keyturn.config.sources import variable_of
from keyturn.config.validation import ConfigError, KeyPath, dotted


def read(settings: Settings, path: KeyPath) -> object:
    section, key = path
    return getattr(getattr(settings, section), key)


def text(*paths: KeyPath, value: object = 7) -> str:
    return "".join(f"{dotted(path)} = {value}\n" for path in paths)


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_the_former_name_is_read_from_a_file_and_from_the_environment(
    tmp_path: Path, old: KeyPath, new: KeyPath
) -> None:
    file = tmp_path / "keyturn.toml"
    for path in (old, new):
        file.write_text(text(path))
        assert read(load_settings(file, {}), new) == 7
        assert read(load_settings(None, {variable_of(path): "7"}), new) == 7


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_the_environment_wins_under_either_name(tmp_path: Path, old: KeyPath, new: KeyPath) -> None:
    file = tmp_path / "keyturn.toml"
    for below, above in ((old, new), (new, old)):
        file.write_text(text(below))
        assert read(load_settings(file, {variable_of(above): "9"}), new) == 9


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_both_names_in_one_place_are_refused(tmp_path: Path, old: KeyPath, new: KeyPath) -> None:
    file = tmp_path / "keyturn.toml"
    file.write_text(text(old, new))
    environ = {variable_of(path): "7" for path in (old, new)}
    sentence = f"{dotted(old)}: given as {dotted(new)} too; leave one of them out "
    for path, given in ((file, {}), (None, environ)):
        with pytest.raises(ConfigError) as refusal:
            load_settings(path, given)
        assert str(refusal.value).startswith(sentence)


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_a_wrong_value_is_refused_with_the_name_that_was_written(tmp_path: Path, old: KeyPath, new: KeyPath) -> None:
    file = tmp_path / "keyturn.toml"
    file.write_text(text(old, value="'x'"))
    with pytest.raises(ConfigError) as refusal:
        load_settings(file, {})
    assert dotted(new) in str(refusal.value)
    assert f", as {dotted(old)})" in str(refusal.value)
