"""The heartbeat of each worker process, from its first message to its last."""

from __future__ import annotations

from typing import Any, Protocol

from dramatiq import Middleware


class Heart(Protocol):
    def start(self) -> None: ...

    def stop(self) -> None: ...


class Life(Middleware):
    """Beats for a worker process as long as it may have runs at work: until the last thread has ended."""

    #: What beats. Set by `AppConfig.ready()`, because middleware is loaded before there are models.
    heart: Heart

    def before_worker_boot(self, broker: Any, worker: Any) -> None:
        self.heart.start()

    def after_worker_shutdown(self, broker: Any, worker: Any) -> None:
        self.heart.stop()
