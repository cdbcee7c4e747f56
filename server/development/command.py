"""Runs a command with both services, whose folder is then removed."""

import os
import signal
import subprocess
import tempfile
from pathlib import Path
from types import FrameType

from server.development.environment import search_path
from server.development.processes import signal_group
from server.development.services import services


def run(command: list[str]) -> int:
    """Run `command` with both services. Returns its exit status; as in a shell, 128 + the signal that ended it.

    SIGINT, SIGTERM and SIGHUP are passed on to the command's process group; the services stop after it.
    """
    received: list[int] = []
    groups: list[int] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        for group in groups:
            signal_group(group, number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)

    with tempfile.TemporaryDirectory(prefix="poker-services-") as folder, services(Path(folder)) as urls:
        if received:  # while the services were starting
            return 128 + received[0]
        defaults = {
            "SECRET_KEY": "for-tests-only-0a1b2c3d4e5f6g7h8i9j",
            "DEBUG": "0",
            "ALLOWED_HOSTS": "localhost,127.0.0.1",
        }
        environment = {**defaults, **os.environ, **urls, "PATH": search_path()}
        process = subprocess.Popen(command, env=environment, start_new_session=True)
        groups.append(process.pid)
        for early in received:  # it came before the line above
            signal_group(process.pid, early)
        status = process.wait()
        signal_group(process.pid, signal.SIGKILL)  # whatever the command left behind
        return status if status >= 0 else 128 - status
