"""The key file is made once, for its owner only, and goes with its data."""

import re
import shutil
import stat
from pathlib import Path

import pytest

from keyturn.auth.keyfile import read_keys, write_new_keys
from keyturn.auth.keyring import open_keyring
from keyturn.store.port import StoreRefused
from tests.support.tenant_env import TenantEnv


def test_the_first_start_makes_a_key_file_for_its_owner_only(env: TenantEnv) -> None:
    assert stat.S_IMODE(env.key_file.stat().st_mode) == 0o600
    assert [path.name for path in env.data.iterdir() if "keys" in path.name] == ["keyturn.keys"]


def test_two_installations_have_different_keys(tmp_path: Path) -> None:
    write_new_keys(tmp_path / "a.keys")
    write_new_keys(tmp_path / "b.keys")
    one, other = read_keys(tmp_path / "a.keys"), read_keys(tmp_path / "b.keys")

    keys = {
        one.master_key,
        one.pepper,
        one.jwt_keys[0].secret,
        other.master_key,
        other.pepper,
        other.jwt_keys[0].secret,
    }
    assert len(keys) == 6


def test_a_restart_finds_the_same_keys(env: TenantEnv) -> None:
    again = env.wait(open_keyring(env.store, env.key_file))

    assert again.unseal(env.keyring.seal(b"secret", "a"), "a") == b"secret"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_key_file_that_others_may_reach_is_refused(env: TenantEnv, mode: int) -> None:
    env.key_file.chmod(mode)

    with pytest.raises(
        StoreRefused, match=r"^The key file .+ can be reached by others than its owner; run: chmod 600 "
    ):
        env.wait(open_keyring(env.store, env.key_file))


def test_keys_of_other_data_are_refused(env: TenantEnv, tmp_path: Path) -> None:
    write_new_keys(tmp_path / "other.keys")
    shutil.copy2(tmp_path / "other.keys", env.key_file)

    with pytest.raises(StoreRefused, match=r"^The key file .+ does not belong to this data; start with the one"):
        env.wait(open_keyring(env.store, env.key_file))


def test_a_lost_key_file_is_not_made_anew_for_data_that_exists(env: TenantEnv) -> None:
    env.key_file.unlink()

    with pytest.raises(StoreRefused, match=r"^The key file .+ is missing, and this data cannot be used without it\.$"):
        env.wait(open_keyring(env.store, env.key_file))
    assert not env.key_file.exists()


def test_a_new_token_key_does_not_make_the_data_strange(env: TenantEnv) -> None:
    text = env.key_file.read_text()
    old = read_keys(env.key_file).jwt_keys[0]
    env.key_file.write_text(text + f'\n[[jwt_keys]]\nkid = "next"\nsecret = "{"ab" * 32}"\n')

    keyring = env.wait(open_keyring(env.store, env.key_file))

    assert keyring.fingerprint() == env.keyring.fingerprint()
    assert [key.kid for key in read_keys(env.key_file).jwt_keys] == [old.kid, "next"]


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"master_key = .*", ""),
        (r'master_key = "..', 'master_key = "'),
        (r'pepper = "..', 'pepper = "zz'),
        (r"\[\[jwt_keys\]\](.|\n)*", "jwt_keys = []"),
        (r"pepper", "salt"),
        (r"(.|\n)*", "not TOML"),
    ],
)
def test_a_damaged_key_file_is_refused_without_showing_it(tmp_path: Path, pattern: str, replacement: str) -> None:
    file = tmp_path / "keyturn.keys"
    write_new_keys(file)
    file.write_text(re.sub(pattern, replacement, file.read_text(), count=1))

    with pytest.raises(StoreRefused) as refusal:
        read_keys(file)

    assert str(refusal.value) == f"The key file {file} is damaged or is no key file; restore it from your copy."
    assert refusal.value.__suppress_context__


def test_two_token_keys_of_one_name_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "keyturn.keys"
    write_new_keys(file)
    kid = read_keys(file).jwt_keys[0].kid
    file.write_text(file.read_text() + f'\n[[jwt_keys]]\nkid = "{kid}"\nsecret = "{"ab" * 32}"\n')

    with pytest.raises(StoreRefused, match="names two jwt_keys alike"):
        read_keys(file)


def test_a_key_file_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StoreRefused, match=r"cannot be read \(No such file or directory\)\.$"):
        read_keys(tmp_path / "absent.keys")
    with pytest.raises(StoreRefused, match=r"cannot be written \("):
        write_new_keys(tmp_path / "file" / "keyturn.keys")


def test_keys_that_could_not_be_put_in_place_are_not_left_lying_about(tmp_path: Path) -> None:
    (tmp_path / "keyturn.keys").mkdir()

    with pytest.raises(StoreRefused, match=r"cannot be written \("):
        write_new_keys(tmp_path / "keyturn.keys")
    assert [path.name for path in tmp_path.iterdir()] == ["keyturn.keys"]
