#!/usr/bin/env python
"""Django's command line. While `make run` is up, commands typed in another shell talk to its services."""

import os
import sys
from pathlib import Path

RUNNING = Path(__file__).resolve().parent / ".data" / "environment"


def adopt_running_services() -> None:
    """Take the addresses that `make run` leaves while it runs; the environment wins over them."""
    if RUNNING.exists():
        for line in RUNNING.read_text().splitlines():
            name, _, value = line.partition("=")
            os.environ.setdefault(name, value)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.settings")
    adopt_running_services()
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed for this Python: after `make`, type .venv/bin/python manage.py …")
    from django.db import OperationalError, connection
    from redis.exceptions import ConnectionError, ResponseError, TimeoutError

    from workers.backing_services import explain_unreachable

    try:
        execute_from_command_line(sys.argv)
    except (OperationalError, ConnectionError, ResponseError, TimeoutError) as error:
        if isinstance(error, OperationalError) and connection.connection is not None:
            raise  # PostgreSQL is there; it was something else
        sys.exit(explain_unreachable(error))


if __name__ == "__main__":
    main()
