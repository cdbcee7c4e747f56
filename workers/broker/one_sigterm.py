"""A worker process that is asked to end twice at once, and takes it for once."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

from dramatiq import Middleware

#: Seconds after a SIGTERM during which another does not count.
AT_ONCE = 5.0


class OneSigterm(Middleware):
    """Ignores a SIGTERM that follows another at once.

    A platform signals every process, and dramatiq's master passes its own signal on to its workers. A second one
    orders a worker to drop what it is doing.
    """

    def after_worker_boot(self, broker: Any, worker: Any) -> None:
        handle: Any = signal.getsignal(signal.SIGTERM)
        first: dict[str, float] = {}

        def once(signum: int, frame: Any) -> None:
            now = time.monotonic()
            # One step, so that a signal that comes while another is handled finds it.
            if first.setdefault("at", now) is now or now - first["at"] > AT_ONCE:
                handle(signum, frame)

        if callable(handle) and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, once)
