"""The processes that a figure needs, started and ended here."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

import psutil

from server.embedded import until
from tests.benchmarks.place import PATIENCE, TOP, Spoilt, strangers


class Processes:
    """Processes that were started, and what they print."""

    def __init__(self, output: IO[str]) -> None:
        self.running: list[psutil.Popen] = []
        self.output = output

    def start(self, command: str, environment: dict[str, str]) -> None:
        shell = ["sh", "-c", f"exec {command}"]
        self.running.append(psutil.Popen(shell, env=environment, cwd=TOP, stdout=self.output, stderr=self.output))

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait for what a figure needs.

        Raises:
            Spoilt: `seconds` have passed without it, or a process ended; the message ends as the output does.
        """
        if not until(lambda: self._ended() or condition(), seconds) or self._ended():
            self.output.seek(0)
            raise Spoilt(f"Not done within {seconds:g} s, or a process ended:\n{self.output.read()[-3000:]}")

    def end(self) -> None:
        for process in self.running:
            family = [process, *process.children(recursive=True)] if process.poll() is None else []
            if family:
                process.terminate()
            for left in psutil.wait_procs(family, timeout=PATIENCE)[1]:
                left.kill()
            process.wait()

    def _ended(self) -> bool:
        return any(process.poll() is not None for process in self.running)


@contextmanager
def processes(*commands: str, **variables: str) -> Iterator[Processes]:
    """Run commands from the project's folder until the block ends; then none of them is left.

    They stay in this program's process group, so that whoever kills it kills them.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        started = Processes(output)
        try:
            for command in commands:
                started.start(command, {**os.environ, **variables})
            yield started
        finally:
            started.end()


def wait_until_attached(started: Processes) -> None:
    """Wait until the processes have made all the connections that they make when they start."""
    before, now = -1, 0
    while before != now:  # as many as a while ago; some peers take new ones for old all the time
        started.wait_for(lambda: bool(strangers()), PATIENCE)
        before = now
        time.sleep(1.5)
        now = len(strangers())
