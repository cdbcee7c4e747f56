"""django_dramatiq's command with this project's settings of the worker, and a look at the services first."""

import os
from typing import Any

from django_dramatiq.management.commands.rundramatiq import Command as RunDramatiq

from workers.backing_services import require_services

#: Read by what this starts. dramatiq: how long, in ms, an idle worker waits between looks, which bounds how late a
#: message starts. The settings: most threads wait for a group commit and need no connection, so they share a few.
TUNING = {"dramatiq_worker_timeout": "100", "DATABASE_POOL": "7"}


class Command(RunDramatiq):
    def handle(self, *args: Any, **options: Any) -> None:
        require_services()
        for name, value in TUNING.items():
            os.environ.setdefault(name, value)
        # The few lines of dramatiq's master, whose form cannot be set, are of the same clock as all others: UTC.
        os.environ["TZ"] = "UTC0"
        super().handle(*args, **options)
