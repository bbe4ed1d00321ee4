from pathlib import Path

import pytest

from keyturn.audit.checkpoints import SignedStatement
from tests.support.audit_env import AuditEnv


@pytest.fixture(scope="session")
def built(store_adapter: str, tmp_path_factory: pytest.TempPathFactory) -> AuditEnv:
    """Ten sealed entries in each of three chains, checkpoints over them, and one more entry in each."""
    env = AuditEnv(tmp_path_factory.mktemp("built") / "data")
    env.add_entries(30)
    env.checkpoint()
    env.add_entries(3)
    env.seal()
    return env


@pytest.fixture
def env(built: AuditEnv, tmp_path: Path) -> AuditEnv:
    """As built: each chain has entries 1 to 10, the checkpoint's own 11, and 12."""
    return built.copy(tmp_path / "data")


@pytest.fixture
def backup(env: AuditEnv, tmp_path: Path) -> Path:
    """Made where each chain has twelve entries, ten of them under a checkpoint."""
    return env.back_up(tmp_path / "backup.db")


@pytest.fixture
def kept(env: AuditEnv, backup: Path) -> list[SignedStatement]:
    """Checkpoints that left the machine after the backup was made."""
    env.add_entries(9)
    kept = env.checkpoint()
    env.add_entries(9)
    return [*kept, *env.checkpoint()]
