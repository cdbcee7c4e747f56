"""The supervisor of a Procfile's processes: it starts them, starts again the ones that ended, and ends them all.

Each process leads a session of its own, so that a Ctrl-C in the terminal reaches the supervisor alone, and
carries a mark in its environment, by which its descendants are found even when they left its group, or when
an earlier supervisor was killed before it could end them.
"""

import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from server.development.processes import ended, signal_group, until

#: The environment variable that marks what a supervisor starts. Its value is the supervisor's data folder.
MARK = "SUPERVISED_FROM"

#: Seconds the processes have to end after SIGTERM. The services may take most of the rest of the 15 promised.
GRACE = 8.0
#: Seconds before a process that ended is started again: doubled each time, until it has run for STEADY.
FIRST_DELAY, LONGEST_DELAY, STEADY = 1.0, 30.0, 60.0


class RefusedError(Exception):
    """The run cannot start here and now; the message says why in one line."""


class Stopped(Exception):
    """Somebody asked for the end."""


class Stop:
    """Whether somebody asked for the end: a plain flag, which a signal handler may set.

    `threading.Event` has a lock, and a handler waits for ever for one that is held by what it interrupted.
    """

    def __init__(self) -> None:
        self.asked = False

    def set(self) -> None:
        self.asked = True


class Process:
    """A command as a child process, which leads its own session; its output is relayed line by line under its name."""

    def __init__(self, name: str, command: str, environment: dict[str, str]) -> None:
        self.name, self.output = name, ""
        self.started = time.monotonic()
        self.child = subprocess.Popen(
            ["sh", "-c", command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self.relay = threading.Thread(target=self._relay, daemon=True)
        self.relay.start()

    def _relay(self) -> None:
        assert self.child.stdout is not None
        with self.child.stdout as lines:
            for line in lines:
                say(self.name, line)
                self.output = (self.output + line)[-2000:]

    def ended(self) -> bool:
        return self.child.poll() is not None


class Kept:
    """A command of the Procfile: one process after another, with growing pauses while it keeps ending."""

    def __init__(self, name: str, command: str, environment: dict[str, str]) -> None:
        self.name, self.command, self.environment = name, command, environment
        self.delay = 0.0
        self.start_at = 0.0
        self.process: Process | None = None
        self.tend()

    def tend(self) -> None:
        """Note that the process has ended, or start it when its pause is over."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.start_at:
                # The command takes the shell's place: no shell may outlive it, or be killed in its stead.
                self.process = Process(self.name, f"exec {self.command}", self.environment)
        elif self.process.ended():
            # Its descendants go too: a platform restarts the whole, and nothing may run twice.
            signal_group(self.process.child.pid, signal.SIGKILL)
            self.delay = next_delay(self.delay, now - self.process.started)
            self.start_at = now + self.delay
            code = self.process.child.returncode
            self.process = None
            say("run", f"{self.name} ended ({code}); it starts again in {self.delay:g} s")


def next_delay(last: float, ran_for: float) -> float:
    """Seconds to wait before the next start of a process that ended after `ran_for` seconds."""
    return FIRST_DELAY if ran_for >= STEADY or not last else min(2 * last, LONGEST_DELAY)


class Supervisor:
    """Starts commands, keeps some of them running, and ends them all.

    `data` marks them, and belongs to one supervisor at a time. Each wait raises Stopped once `stop` is set.
    """

    def __init__(self, environment: dict[str, str], data: Path, stop: Stop) -> None:
        self.environment = environment | {MARK: str(data)}
        self.data, self.stop = str(data), stop
        self.kept: list[Kept] = []
        self.once: list[Process] = []

    def keep(self, name: str, command: str) -> None:
        self.kept.append(Kept(name, command, self.environment))

    def run_once(self, name: str, command: str) -> str:
        """Run `command` to its end and return what it printed, or the end of that."""
        process = Process(name, command, self.environment)
        self.once.append(process)
        self.wait_for(process.ended)
        process.relay.join(timeout=1)
        if process.child.returncode != 0:
            raise RefusedError(f"{name} failed: `{command}` ended with {process.child.returncode}.")
        return process.output

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Tend the processes until `condition` holds."""
        while not condition():
            if self.stop.asked:
                raise Stopped
            time.sleep(0.1)
            for kept in self.kept:
                kept.tend()

    def end(self) -> None:
        """End every process, and all that they started, within GRACE and a moment.

        Only the leaders are asked, not their groups: dramatiq's master passes SIGTERM on, and its workers take
        a second one as an order to drop what they are doing.
        """
        leaders = [*self.once, *(kept.process for kept in self.kept if kept.process)]
        for leader in leaders:
            if not leader.ended():
                leader.child.terminate()
        until(lambda: all(leader.ended() for leader in leaders), GRACE)
        for leader in leaders:
            signal_group(leader.child.pid, signal.SIGKILL)
        self.kill_marked()
        for leader in leaders:
            leader.child.wait()
            leader.relay.join(timeout=1)

    def kill_marked(self) -> None:
        """Kill every process that carries the mark, wherever it stands in the tree, and wait until it is gone."""

        def none_left() -> bool:
            found = [process for process in psutil.process_iter() if self._is_marked(process)]
            for process in found:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            until(lambda: all(ended(process) for process in found), seconds=1)
            return not found

        until(none_left, seconds=2)  # again and again, because they may have forked meanwhile

    def _is_marked(self, process: psutil.Process) -> bool:
        try:
            return bool(process.environ().get(MARK) == self.data)
        except psutil.Error:  # gone meanwhile, or another user's
            return False


_printing = threading.Lock()


def say(name: str, text: str) -> None:
    with _printing, suppress(OSError, ValueError):  # a reader that went away is no reason to stop
        for line in text.splitlines():
            print(f"{name:<9} | {line}", flush=True)
