"""The processes that a supervisor has marked."""

from pathlib import Path

import psutil

from server.development.supervisor import MARK


def marked(data: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(data):
                found.append(process)
        except psutil.Error:
            pass
    return found
