"""django_dramatiq's command with this project's settings of the worker, and a look at the services first."""

import os
from typing import Any

from django_dramatiq.management.commands.rundramatiq import Command as RunDramatiq

#: Read by dramatiq when it is imported. Messages taken ahead of their turn, per process: with the library's two
#: a thread, a worker waits on Redis more than it works. And how long, in ms, an idle worker waits between looks:
#: it bounds how late a message starts.
TUNING = {"dramatiq_queue_prefetch": "64", "dramatiq_worker_timeout": "100"}


class Command(RunDramatiq):
    def handle(self, *args: Any, **options: Any) -> None:
        from workers.services import require_services

        require_services()
        for name, value in TUNING.items():
            os.environ.setdefault(name, value)
        super().handle(*args, **options)
