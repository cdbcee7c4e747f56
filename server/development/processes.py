"""A server as a process: started, waited for until it answers, and ended."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil


class ServiceError(Exception):
    """A service cannot start; the message says which and why."""


def start(command: Iterable[object], log: Path, **account: Any) -> psutil.Popen:
    """Start a server in a session of its own: a Ctrl-C in the terminal reaches its owner alone, who stops it."""
    with log.open("wb") as output:
        return psutil.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
            **account,
        )


def wait_for(name: str, process: psutil.Popen, log: Path, ready: Callable[[], bool]) -> None:
    """Wait until the server is ready; raises ServiceError when it ends first, or is not ready after 30 s."""
    if not until(lambda: ended(process) or ready(), seconds=30) or ended(process):
        raise failure(name, log)


def failure(name: str, log: Path) -> ServiceError:
    """The error that says that `name` did not start, with what it last wrote in its log."""
    end = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
    return ServiceError(f"{name} did not start. The end of {log}:\n{end}")


def stop_leftover(pid: str, folder: Path, signals: Iterable[tuple[signal.Signals, float]]) -> None:
    """Stop the process `pid` if its command line names `folder`: by now another process may have the number."""
    with suppress(ValueError, psutil.NoSuchProcess):
        process = psutil.Process(int(pid))
        if str(folder) in process.cmdline():
            stop(process, signals)


def stop(process: psutil.Process, signals: Iterable[tuple[signal.Signals, float]]) -> None:
    """End a process. Each signal is given its seconds; SIGKILL is the last."""
    for number, seconds in (*signals, (signal.SIGKILL, 2.0)):
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
        if until(lambda: ended(process), seconds):
            break
    if isinstance(process, psutil.Popen):
        process.wait()


def ended(process: psutil.Process) -> bool:
    """Whether a process is gone or a zombie: in a container whose first process reaps nobody, an orphan stays one."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for `condition`; False when `seconds` have passed without it."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def signal_group(group: int, number: int) -> None:
    """Signal a process group, if there is one."""
    with suppress(ProcessLookupError, PermissionError):  # macOS denies it when only zombies are left
        os.killpg(group, number)
