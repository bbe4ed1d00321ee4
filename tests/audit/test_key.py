"""The key that signs checkpoints is in the key file, and an older file gets one."""

import re
import stat
from pathlib import Path

from keyturn.auth.keyfile import read_keys, write_new_keys
from keyturn.auth.keyring import Keyring, open_keyring
from keyturn.store.port import Store
from tests.support.audit_env import AuditEnv


def older(file: Path) -> str:
    """A key file from before there were checkpoints; its text."""
    write_new_keys(file)
    file.write_text(re.sub(r"checkpoint_key.*\n", "", file.read_text()))
    return file.read_text()


def test_an_older_key_file_gets_a_key_and_keeps_everything_else(tmp_path: Path) -> None:
    file = tmp_path / "keyturn.keys"
    text = older(file)
    before = Keyring(read_keys(file))
    env = AuditEnv(tmp_path / "data")

    async def opened(store: Store) -> Keyring:
        return await open_keyring(store, file)

    first, again = env.run(opened), env.run(opened)

    assert file.read_text().endswith(text)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert first.checkpoint_key == again.checkpoint_key
    assert first.fingerprint() == before.fingerprint()
    assert first.unseal(before.seal(b"secret", "a"), "a") == b"secret"


def test_two_installations_sign_with_different_keys(tmp_path: Path) -> None:
    write_new_keys(tmp_path / "a")
    write_new_keys(tmp_path / "b")

    assert read_keys(tmp_path / "a").checkpoint_key != read_keys(tmp_path / "b").checkpoint_key


def test_the_key_is_not_printed(tmp_path: Path) -> None:
    write_new_keys(tmp_path / "a")
    keys = read_keys(tmp_path / "a")

    assert keys.checkpoint_key
    assert keys.checkpoint_key not in repr(keys) + repr(Keyring(keys))
