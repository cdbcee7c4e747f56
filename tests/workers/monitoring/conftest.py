"""Somebody who is told of what is wrong."""

from typing import Any

import pytest

from tests.workers.conftest import Queues


@pytest.fixture
def on_call(settings: Any, queues: Queues) -> None:
    settings.ADMINS = [("On call", "oncall@example.com")]
    settings.TICK_OVERDUE_SECONDS = 150
