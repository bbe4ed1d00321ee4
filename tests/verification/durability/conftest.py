import os
import shutil

import pytest


@pytest.fixture(scope="session", autouse=True)
def strace() -> None:
    """These tests need strace: without it they fail where everything must run, and are skipped elsewhere."""
    if shutil.which("strace"):
        return
    missing = "strace is not installed: durability is NOT proved by this run."
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)
