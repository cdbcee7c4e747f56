"""Code that each test declares as it likes."""

from typing import Any

import pytest
from dramatiq import Actor

from tests.workers.conftest import Queues
from workers.jobs import declared, job
from workers.models import ScheduledJob


@pytest.fixture(autouse=True)
def _nothing_declared(db: None, queues: Queues, own_code: None) -> None:
    declared.clear()
    ScheduledJob.objects.all().delete()


def declare(name: str = "nightly", **options: Any) -> Actor[..., Any]:
    def function(days: int = 1) -> None: ...

    function.__name__ = name
    return job(**options)(function)


def row(pk: str = "nightly") -> ScheduledJob:
    return ScheduledJob.objects.get(pk=pk)
