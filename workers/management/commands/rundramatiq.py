"""django_dramatiq's command with this project's settings of the worker, and a look at the services first."""

import os
from typing import Any

from django_dramatiq.management.commands.rundramatiq import Command as RunDramatiq

#: Read by dramatiq when it is imported: how long, in ms, an idle worker waits between looks. It bounds how late a
#: message starts.
TUNING = {"dramatiq_worker_timeout": "100"}


class Command(RunDramatiq):
    def handle(self, *args: Any, **options: Any) -> None:
        from workers.services import require_services

        require_services()
        for name, value in TUNING.items():
            os.environ.setdefault(name, value)
        super().handle(*args, **options)
