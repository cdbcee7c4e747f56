"""The watchdog of a worker process's threads."""

from __future__ import annotations

import logging
import os
import signal
import threading
from typing import Any

from dramatiq import Middleware, Worker

log = logging.getLogger(__name__)


class Watchdog(Middleware):
    """Ends a worker process when one of its threads has died, so that the platform starts a new process.

    Dramatiq 2.2 does not start a dead thread again: a Redis that stalls, or that turns read-only for a moment, kills
    the consumer thread of the delayed messages, and the process would go on without it for ever.
    """

    interval = 5.0  # seconds
    mercy = 20.0  # seconds to finish what is running

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.stopped = threading.Event()

    def after_worker_boot(self, broker: Any, worker: Worker) -> None:
        threading.Thread(target=self._watch, args=(worker,), name="watchdog", daemon=True).start()

    def before_worker_shutdown(self, broker: Any, worker: Worker) -> None:
        self.stopping.set()

    def after_worker_shutdown(self, broker: Any, worker: Worker) -> None:
        self.stopped.set()

    def _watch(self, worker: Worker) -> None:
        while not self.stopping.wait(self.interval):
            dead = [thread.name for thread in (*worker.consumers.values(), *worker.workers) if not thread.is_alive()]
            if dead:
                log.critical("Threads of this worker process have died (%s): it ends.", ", ".join(dead))
                os.kill(os.getpid(), signal.SIGTERM)
                if not self.stopped.wait(self.mercy):
                    os._exit(1)
                return
