"""The heartbeat of the runs that a worker process has at work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.db.models import Q
from django.utils import timezone

from workers.models import Run

log = logging.getLogger(__name__)


class Pulse:
    """One thread a worker process that says of its runs that they are alive.

    It speaks for the process's own attempts alone: did a frozen worker that wakes up speak for a run that another has
    taken over, nobody would notice that one's death.
    """

    def __init__(self) -> None:
        self.held: set[tuple[Any, int]] = set()
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None
        self.idle = threading.Event()

    @contextmanager
    def of(self, run: Run) -> Iterator[None]:
        """While the block runs, the run's heartbeat is written."""
        with self.lock:
            self.held.add((run.pk, run.attempts))
            self.idle.clear()
            if self.thread is None or not self.thread.is_alive():  # a fork does not take the thread along
                self.thread = threading.Thread(target=self._beat, name="pulse", daemon=True)
                self.thread.start()
        try:
            yield
        finally:
            with self.lock:
                self.held.discard((run.pk, run.attempts))
                if not self.held:
                    self.idle.set()

    def _beat(self) -> None:
        failed = False
        while True:
            self.idle.wait(1 if failed else settings.RUN_HEARTBEAT_SECONDS)
            with self.lock:
                held = list(self.held)
                if not held:
                    self.thread = None
                    break
            try:
                mine = reduce(or_, (Q(pk=pk, attempts=attempt) for pk, attempt in held))
                Run.objects.filter(mine, state=Run.State.RUNNING).update(heartbeat_at=timezone.now())
                failed = False
            except Error as error:
                failed = True  # it beats as soon as PostgreSQL is back, before anybody takes the silence for death
                log.warning("The heartbeat of %d runs was not written: %s", len(held), error)
            connection.close()  # between two beats others may need it


pulse = Pulse()
