"""A worker process's look at the clock, which cannot say of itself that it has stopped.

Apart from `workers.monitoring.alarms`, because middleware is loaded before there are models.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from dramatiq import Middleware

log = logging.getLogger(__name__)

#: How often a worker process looks, in parts of TICK_OVERDUE_SECONDS: as it is, told within 175 s.
LOOKS = 6


class ClockWatch(Middleware):
    """A thread of each worker process that looks whether the clock still ticks: the workers outlive the scheduler."""

    def __init__(self) -> None:
        self.stopping = threading.Event()

    def after_worker_boot(self, broker: Any, worker: Any) -> None:
        threading.Thread(target=self._watch, name="clock-watch", daemon=True).start()

    def before_worker_shutdown(self, broker: Any, worker: Any) -> None:
        self.stopping.set()

    def _watch(self) -> None:
        from workers.monitoring import alarms

        while not self.stopping.wait(settings.TICK_OVERDUE_SECONDS / LOOKS):
            try:
                alarms.tell_stopped_clock(timezone.now())
            except Exception as error:  # PostgreSQL is away: the next look may find it
                log.warning("The clock could not be looked at: %s", error)
            finally:
                connection.close()  # between looks it would only take up a place
