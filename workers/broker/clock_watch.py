"""The watch over the clock in each worker process: a clock that has stopped cannot say so itself."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from dramatiq import Middleware

from workers.database_time import database_now

log = logging.getLogger(__name__)

#: How often a worker process looks at the clock while TICK_OVERDUE_SECONDS pass: by default it tells within 175 s.
LOOKS = 6


class ClockWatch(Middleware):
    """A thread of each worker process that looks whether the clock still ticks: the workers outlive the scheduler."""

    #: Looks once. Set by `AppConfig.ready()`, because middleware is loaded before there are models.
    look: Callable[[datetime], None]

    def __init__(self) -> None:
        self.stopping = threading.Event()

    def after_worker_boot(self, broker: Any, worker: Any) -> None:
        threading.Thread(target=self._watch, name="clock-watch", daemon=True).start()

    def before_worker_shutdown(self, broker: Any, worker: Any) -> None:
        self.stopping.set()

    def _watch(self) -> None:
        while not self.stopping.wait(settings.TICK_OVERDUE_SECONDS / LOOKS):
            try:
                self.look(database_now())
            except Exception as error:  # PostgreSQL is away; at the next look it may be back
                log.warning("The clock could not be looked at: %s", error)
            finally:
                connection.close()  # between looks the connection is not needed, and others may be short of one
