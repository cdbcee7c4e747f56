import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder outside of pytest's own, which any run of pytest that starts closes to other accounts.

    When the tests run as root, PostgreSQL runs as another account.
    """
    with tempfile.TemporaryDirectory(prefix="poker-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names neither service, so both are started."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
