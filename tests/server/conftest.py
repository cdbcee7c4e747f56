import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Apart from pytest's own folders: any run of pytest that starts closes those to other accounts.

    PostgreSQL runs as another one when the tests run as root.
    """
    with tempfile.TemporaryDirectory(prefix="poker-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
