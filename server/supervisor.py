"""`make run`: the whole system on one machine, run as a platform would run it.

Starts the services that the environment does not name, runs the Procfile's `release`, loads the demo league,
keeps the Procfile's other processes running, asks for a first generation and says where to look. One SIGINT
or SIGTERM ends everything it started; `.data` keeps what the next start needs.

Each process leads a session of its own, so that a Ctrl-C in the terminal reaches the supervisor alone, and
carries a mark in its environment, by which its descendants are found even when they left its group, or when
an earlier supervisor was killed before it could end them.
"""

import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psutil

from server.embedded import ServiceError, ended, search_path, services, signal_group, until

DATA = Path(".data").resolve()
#: The environment variable that marks what a supervisor starts. Its value is the supervisor's data folder.
MARK = "SUPERVISED_FROM"
#: What `manage.py` in another shell needs in order to talk to the same services.
PUBLISHED = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DEBUG", "ALLOWED_HOSTS")

#: Seconds the processes have to end after SIGTERM. The services may take most of the rest of the 15 promised.
GRACE = 8.0
#: Seconds before a process that ended is started again: doubled each time, until it has run for STEADY.
FIRST_DELAY, LONGEST_DELAY, STEADY = 1.0, 30.0, 60.0


class RefusedError(Exception):
    """It cannot start, here and now; the message says why in one line."""


class Stopped(Exception):
    """Somebody asked for the end."""


def main() -> int:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())  # a second Ctrl-C changes nothing
    os.environ.update(env_file(Path(".env")) | os.environ)
    try:
        port = port_number()
        with services(DATA) as addresses:
            serve(development_environment(port) | addresses, port, stop)
    except (RefusedError, ServiceError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def serve(environment: dict[str, str], port: int, stop: threading.Event) -> None:
    """Run the Procfile, from its release to `stop`.

    Raises:
        RefusedError: the port is taken, there is no Procfile, or its release or the demo league failed.
    """
    supervisor = Supervisor(environment, DATA, stop)
    supervisor.kill_marked()  # an earlier supervisor's, if it was killed: one of them may hold the port
    require_free(port)
    processes = procfile(Path("Procfile"))
    try:
        with published(environment):
            supervisor.run_once("release", processes.pop("release", "true"))
            demo = "" if environment.get("DEMO") == "0" else supervisor.run_once("demo", manage("load_demo"))
            for name, command in processes.items():
                supervisor.keep(name, command)
            supervisor.wait_for(lambda: answers(port))
            with suppress(RefusedError):  # it said so; the rest runs, and the nightly generation will come
                supervisor.run_once("generate", manage("generate_sessions"))
            say("run", f"http://127.0.0.1:{port}/ is up. Ctrl-C stops everything.")
            say("run", demo)
            supervisor.wait_for(lambda: False)
    except Stopped:
        say("run", "stopping")
    finally:
        supervisor.end()


# --- Processes --------------------------------------------------------------------------------------------


class Process:
    """A command as a child that leads its own session, its output relayed line by line under its name."""

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
            # What is left below it goes too: a platform restarts the whole, and nothing may run twice.
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

    def __init__(self, environment: dict[str, str], data: Path, stop: threading.Event) -> None:
        self.environment = environment | {MARK: str(data)}
        self.data, self.stop = str(data), stop
        self.kept: list[Kept] = []
        self.once: list[Process] = []

    def keep(self, name: str, command: str) -> None:
        self.kept.append(Kept(name, command, self.environment))

    def run_once(self, name: str, command: str) -> str:
        """Run `command` to its end and return (the end of) what it printed."""
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
            if self.stop.wait(0.1):
                raise Stopped
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
        """Kill every process that carries the mark, however deep below whatever started it, and see it gone."""

        def none_left() -> bool:
            found = [process for process in psutil.process_iter() if self._is_marked(process)]
            for process in found:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            until(lambda: all(ended(process) for process in found), seconds=1)
            return not found

        until(none_left, seconds=2)  # looked for again, because they may have forked meanwhile

    def _is_marked(self, process: psutil.Process) -> bool:
        try:
            return bool(process.environ().get(MARK) == self.data)
        except psutil.Error:  # gone meanwhile, or another user's
            return False


def manage(command: str) -> str:
    return f"python manage.py {command}"


_printing = threading.Lock()


def say(name: str, text: str) -> None:
    with _printing, suppress(OSError, ValueError):  # a reader that went away is no reason to stop
        for line in text.splitlines():
            print(f"{name:<9} | {line}", flush=True)


# --- Surroundings -----------------------------------------------------------------------------------------


def procfile(path: Path) -> dict[str, str]:
    """The Procfile's commands by name."""
    if not path.exists():
        raise RefusedError(f"There is no {path} here: start it from the top of the checkout.")
    commands = {}
    for line in path.read_text().splitlines():
        name, colon, command = line.partition(":")
        if colon and not name.startswith("#"):
            commands[name.strip()] = command.strip()
    return commands


def env_file(path: Path) -> dict[str, str]:
    """The variables of a `.env` file: NAME=value lines, with `export`, quotes and # comments as usual."""
    found = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        value = value.strip()
        if equals and not name.startswith("#"):
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            found[name.strip()] = value[1:-1] if quoted else value
    return found


def development_environment(port: int) -> dict[str, str]:
    """What the Procfile's commands find, without the services' addresses: this environment, completed."""
    defaults = {"DEBUG": "1", "ALLOWED_HOSTS": "localhost,127.0.0.1"}
    fixed = {
        "HOST": "127.0.0.1",  # the Procfile's default is for a platform's router; here nobody else may come
        "PATH": search_path(),
        "PORT": str(port),
        "PYTHONUNBUFFERED": "1",
    }
    return {"SECRET_KEY": secret_key(DATA), **defaults, **os.environ, **fixed}


def secret_key(data: Path) -> str:
    """A random key of this checkout's own, kept, so that whoever is logged in stays so over a restart."""
    path = data / "secret_key"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(50))
    return path.read_text()


@contextmanager
def published(environment: dict[str, str]) -> Iterator[None]:
    """Show `manage.py` in another shell the way to the services while they run."""
    path = DATA / "environment"
    write_private(path, "".join(f"{name}={environment[name]}\n" for name in PUBLISHED))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.rename(path)


def port_number() -> int:
    text = os.environ.get("PORT") or "8000"
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise RefusedError(f"PORT takes a number from 1 to 65535, not {text!r}.")
    return int(text)


def require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # closing connections do not count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            reason = error.strerror
            raise RefusedError(f"Port {port} cannot be used ({reason}): try another PORT.") from None


def answers(port: int) -> bool:
    """Whether the web process answers, be it that it does not know this host's name."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    with closing(connection), suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 500
    return False


if __name__ == "__main__":
    sys.exit(main())
