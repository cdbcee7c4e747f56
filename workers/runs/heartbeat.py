"""The heartbeat of a worker process, and of the runs that it has at work."""

from __future__ import annotations

import logging
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import reduce
from operator import or_

from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet

from events.public_holidays import HOLIDAYS
from events.zones import ZONE_DATA
from workers.database_time import DatabaseNow, read_clocks
from workers.models import Run, WorkerProcess
from workers.runs.life import note_silence, patience

log = logging.getLogger(__name__)

#: A run and the attempt at it.
Attempt = tuple[uuid.UUID, int]


class Pulse:
    """One thread a worker process that says, idle or not, that it is alive, and of its runs too.

    It speaks for the process's own attempts alone: did a frozen worker that wakes up speak for a run that another has
    taken over, nobody would notice that one's death.
    """

    def __init__(self) -> None:
        #: The id of this process; None while it does not beat.
        self.process_id: uuid.UUID | None = None
        self.held: set[Attempt] = set()
        self.given_up: set[Attempt] = set()
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.thread: threading.Thread | None = None
        self.beaten_at: datetime | None = None

    def start(self) -> None:
        """Beat from now on. Called in the process itself: a fork takes no thread along."""
        self.process_id, self.beaten_at = uuid.uuid4(), None
        self.stopping.clear()
        self.thread = threading.Thread(target=self._go_on, name="pulse", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Beat no more: what was at work is at an end, or will be tried again."""
        self.stopping.set()
        if self.thread:
            self.thread.join(timeout=2)
        self.process_id = None

    @contextmanager
    def of(self, run: Run) -> Iterator[None]:
        """While the block runs, the run is alive. If the block raises, it is given up: its outcome was not written."""
        attempt = run.pk, run.attempts
        with self.lock:
            self.held.add(attempt)
        try:
            yield
        except BaseException:
            with self.lock:
                self.given_up.add(attempt)
            raise
        finally:
            with self.lock:
                self.held.discard(attempt)

    def _go_on(self) -> None:
        failed = False
        while True:
            try:
                self._beat()
                failed = False
            except Exception as error:
                failed = True  # it beats as soon as PostgreSQL is back, before anybody takes the silence for death
                log.warning("The heartbeat was not written: %s", error)
            finally:
                connection.close()  # between two beats others may need it
            if self.stopping.wait(1 if failed else settings.RUN_HEARTBEAT_SECONDS):
                return

    def _beat(self) -> None:
        with self.lock:
            held, given_up = set(self.held), set(self.given_up)
        clocks = read_clocks()
        # While this process was heard of, not all were silent.
        if self.beaten_at is None or clocks.now - self.beaten_at > patience():
            note_silence(clocks.now)
        if given_up:
            _at_work(given_up).update(process=None)
            with self.lock:
                self.given_up -= given_up
        if held:
            _at_work(held).update(heartbeat_at=DatabaseNow())  # workers of older releases judge by it
        assert self.process_id
        mine = WorkerProcess.objects.filter(pk=self.process_id)
        if not mine.update(beat_at=DatabaseNow(), ahead=clocks.ahead):
            WorkerProcess.objects.create(
                pk=self.process_id,
                host=socket.gethostname(),
                started_at=DatabaseNow(),
                beat_at=DatabaseNow(),
                ahead=clocks.ahead,
                zone_data=ZONE_DATA,
                holiday_data=HOLIDAYS,
            )
        self.beaten_at = clocks.now


def _at_work(attempts: set[Attempt]) -> QuerySet[Run]:
    mine = reduce(or_, (Q(pk=pk, attempts=attempt) for pk, attempt in attempts))
    return Run.objects.filter(mine, state=Run.State.RUNNING)


pulse = Pulse()
