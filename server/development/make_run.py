"""`make run`: the whole system on one machine, run as a platform would run it.

Starts the services that the environment does not name, runs the Procfile's `release`, loads the demo league,
keeps the Procfile's other processes running, asks for a first generation and says where to look. One SIGINT
or SIGTERM ends everything it started; `.data` keeps what the next start needs.
"""

import http.client
import os
import signal
import socket
import sys
from contextlib import closing, suppress
from pathlib import Path

from server import env
from server.development.environment import development_environment, env_file, published
from server.development.processes import ServiceError
from server.development.services import services
from server.development.supervisor import RefusedError, Stop, Stopped, Supervisor, say

DATA = Path(".data").resolve()


def main() -> int:
    stop = stop_on_signals()
    os.environ.update(env_file(Path(".env")) | os.environ)
    try:
        port, demo = port_number(), env.flag("DEMO", default=True)
        with services(DATA) as addresses:
            serve(development_environment(DATA, port) | addresses, port, stop, demo=demo)
    except (RefusedError, ServiceError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def stop_on_signals() -> Stop:
    """Set when SIGINT, SIGTERM or SIGHUP comes; a second one changes nothing."""
    stop = Stop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    return stop


def serve(environment: dict[str, str], port: int, stop: Stop, *, demo: bool) -> None:
    """Run the Procfile, from its release to `stop`.

    Raises:
        RefusedError: the port is taken, there is no Procfile, or its release or the demo league failed.
    """
    supervisor = Supervisor(environment, DATA, stop)
    supervisor.kill_marked()  # what an earlier supervisor left when it was killed may hold the port
    require_free(port)
    processes = procfile(Path("Procfile"))
    try:
        with published(DATA, environment):
            supervisor.run_once("release", processes.pop("release", "true"))
            told = supervisor.run_once("demo", "python manage.py load_demo") if demo else ""
            for name, command in processes.items():
                supervisor.keep(name, command)
            supervisor.wait_for(lambda: answers(port))
            with suppress(RefusedError):  # its output says why; the rest runs, and the nightly generation will come
                supervisor.run_once("generate", "python manage.py generate_sessions")
            say("run", f"http://127.0.0.1:{port}/ is up. Ctrl-C stops everything.")
            say("run", told)
            supervisor.wait_for(lambda: False)
    except Stopped:
        say("run", "stopping")
    finally:
        supervisor.end()


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
    """Whether the web process answers; a refusal of this host's name is an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    with closing(connection), suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 500
    return False
