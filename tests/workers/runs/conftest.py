"""Settings that the tests of runs count with, and queues of their own."""

from typing import Any

import pytest

from tests.workers.conftest import Queues


@pytest.fixture(autouse=True)
def _settings(settings: Any, queues: Queues) -> None:
    settings.RUN_HEARTBEAT_SECONDS = 8
    settings.RESEND_AFTER_SECONDS = 120
