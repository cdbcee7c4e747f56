"""A worker process looks at the clock."""

import threading
from datetime import datetime
from typing import Any

import pytest
from django.db import OperationalError
from dramatiq import Worker

from tests.waiting import eventually
from workers.broker import ClockWatch, broker
from workers.monitoring import alarms


@pytest.mark.django_db(transaction=True)  # its thread closes a connection
def test_a_worker_process_looks_at_the_clock_until_it_stops_whatever_happens(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    looks: list[datetime] = []

    def look(now: datetime) -> None:
        looks.append(now)
        raise OperationalError("PostgreSQL is away")

    settings.TICK_OVERDUE_SECONDS = 0.06
    watch = ClockWatch()
    watch.look = look
    worker = Worker(broker(), queues={"default"}, worker_threads=1)

    watch.after_worker_boot(broker(), worker)
    eventually(lambda: len(looks) >= 3, within=5)
    watch.before_worker_shutdown(broker(), worker)

    eventually(lambda: "clock-watch" not in [thread.name for thread in threading.enumerate()], within=5)
    assert "PostgreSQL is away" in caplog.text


def test_what_a_process_looks_with_is_the_alarm() -> None:
    (watch,) = [each for each in broker().middleware if isinstance(each, ClockWatch)]

    assert watch.look is alarms.tell_clock_troubles
