"""The supervisor, on real processes and toy commands: no Django, no services."""

import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from server import supervisor as module
from server.supervisor import MARK, RefusedError, Stopped, Supervisor, env_file, next_delay, procfile
from tests.waiting import eventually

PYTHON = sys.executable
#: Ignores SIGTERM and starts a child in a session of its own, as stubborn as itself. Writes both numbers down.
STUBBORN = f"""{PYTHON} -c '
import os, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
open("numbers.new", "w").write(f"{{os.getpid()}} {{child.pid}}")
os.rename("numbers.new", "numbers")
signal.pause()'"""


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Supervisor]]:
    """Runs a supervisor of some commands in a thread, and ends it when the test does."""
    monkeypatch.chdir(tmp_path)
    stop = threading.Event()
    supervisor = Supervisor(dict(os.environ), tmp_path, stop)

    def run(commands: dict[str, str]) -> None:
        for name, command in commands.items():
            supervisor.keep(name, command)
        with pytest.raises(Stopped):
            supervisor.wait_for(lambda: False)

    threads = []

    def start(**commands: str) -> Supervisor:
        threads.append(threading.Thread(target=run, args=[commands]))
        threads[0].start()
        return supervisor

    yield start
    stop.set()
    for thread in threads:
        thread.join()
    supervisor.end()


def numbers(path: Path) -> list[int]:
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def marked(data: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(data):
                found.append(process)
        except psutil.Error:
            pass
    return found


def test_a_process_that_ends_is_started_again(
    tmp_path: Path, start: Callable[..., Supervisor], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "FIRST_DELAY", 0.1)

    start(worker="sh -c 'echo again $$ >> starts; exit 3'", web="sleep 600")

    starts = tmp_path / "starts"
    eventually(lambda: starts.exists() and len(starts.read_text().splitlines()) >= 3, within=5)
    printed = capfd.readouterr().out
    assert "worker ended (3); it starts again in 0.1 s" in printed
    assert "worker ended (3); it starts again in 0.2 s" in printed
    assert "web ended" not in printed


def test_what_a_killed_process_leaves_below_it_goes_before_it_is_started_again(
    tmp_path: Path, start: Callable[..., Supervisor]
) -> None:
    start(worker="sh -c 'sleep 600 & echo $$ $! > numbers.new; mv numbers.new numbers; wait'")
    leader, child = eventually(lambda: numbers(tmp_path / "numbers"), within=5)

    os.kill(leader, signal.SIGKILL)

    again = eventually(lambda: set(numbers(tmp_path / "numbers")) - {leader, child}, within=5)
    assert len(again) == 2
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_the_pause_before_a_restart_doubles_to_a_limit_and_is_forgotten_after_a_good_run() -> None:
    pauses = [0.0]
    for _ in range(7):
        pauses.append(next_delay(pauses[-1], ran_for=0.2))

    assert pauses[1:] == [1, 2, 4, 8, 16, 30, 30]
    assert next_delay(30, ran_for=60) == 1


def test_the_end_reaches_processes_that_ignore_it_and_their_children_in_other_sessions(
    tmp_path: Path, start: Callable[..., Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GRACE", 0.5)
    supervisor = start(worker=STUBBORN)
    eventually(lambda: numbers(tmp_path / "numbers"), within=5)
    assert len(marked(tmp_path)) == 2

    supervisor.stop.set()
    supervisor.end()

    eventually(lambda: not marked(tmp_path), within=2)


def test_only_the_leader_is_asked_to_end(tmp_path: Path, start: Callable[..., Supervisor]) -> None:
    """Dramatiq's master passes SIGTERM on, and its workers drop what they are doing when they get a second one."""
    child = "trap 'echo > asked' TERM; echo > ready; while true; do sleep 0.05; done"
    leader = f'trap "sleep 0.5; echo > leader; exit" TERM; sh -c "{child}" & while true; do sleep 0.05; done'
    (tmp_path / "worker").write_text(leader)
    supervisor = start(worker="sh worker")
    eventually((tmp_path / "ready").exists, within=5)

    supervisor.stop.set()
    supervisor.end()

    assert (tmp_path / "leader").exists()
    assert not (tmp_path / "asked").exists()


def test_a_command_run_once_hands_back_what_it_printed_and_its_failure_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    supervisor = Supervisor(dict(os.environ), tmp_path, threading.Event())

    assert supervisor.run_once("demo", "echo one && echo two") == "one\ntwo\n"
    assert capfd.readouterr().out == "demo      | one\ndemo      | two\n"
    with pytest.raises(RefusedError, match="release failed: `exit 4` ended with 4"):
        supervisor.run_once("release", "exit 4")


def test_a_procfile_is_read_as_platforms_read_it(tmp_path: Path) -> None:
    path = tmp_path / "Procfile"
    path.write_text("# no: command\nrelease: migrate\n\nweb: serve --bind ${HOST:-0.0.0.0}:${PORT:-8000}\n")

    assert procfile(path) == {"release": "migrate", "web": "serve --bind ${HOST:-0.0.0.0}:${PORT:-8000}"}


def test_an_env_file_is_read_with_its_quotes_and_comments(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# A=1\nB=two words\nexport C='three'\nD=\n\nE=\"a=b\"\nnonsense\n")

    assert env_file(path) == {"B": "two words", "C": "three", "D": "", "E": "a=b"}
    assert env_file(tmp_path / "absent") == {}


# --- The whole run, of a toy project ----------------------------------------------------------------------

#: A stand-in for Django's: it notes each command, and `web` answers like the real one.
MANAGE = """
import sys, os
open("commands", "a").write(sys.argv[1] + "\\n")
if sys.argv[1] == "load_demo":
    print("the demo's login is admin")
if sys.argv[1] == "web":
    from http.server import BaseHTTPRequestHandler, HTTPServer
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/healthz" else 404)
            self.end_headers()
    HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
#: Its worker leaves a child in a session of its own.
PROCFILE = """
release: python manage.py migrate
web: python manage.py web
worker: python -c 'import subprocess; subprocess.Popen(["sleep", "600"], start_new_session=True).wait()'
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "manage.py").write_text(MANAGE)
    (tmp_path / "Procfile").write_text(PROCFILE)
    return tmp_path


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def launch(project: Path, port: int, **environment: str) -> subprocess.Popen[str]:
    named = {"DATABASE_URL": "postgresql://db/x", "REDIS_URL": "redis://r", "SECRET_KEY": "s", "PORT": str(port)}
    root = str(Path(module.__file__).parent.parent)
    return subprocess.Popen(
        [PYTHON, "-m", "server.supervisor"],
        cwd=project,
        env=os.environ | named | {"PYTHONPATH": root} | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def until_line(process: subprocess.Popen[str], text: str) -> str:
    """What the supervisor printed up to the line that holds `text`."""
    assert process.stdout is not None
    lines = ""
    for line in process.stdout:
        lines += line
        if text in line:
            return lines
    pytest.fail(f"{text!r} was never said:\n{lines}")


def test_a_whole_run_from_release_to_ctrl_c(project: Path, port: int) -> None:
    with launch(project, port) as process:
        # When it says that it is up
        printed = until_line(process, "run       | the demo's login is admin")

        # Then it answers, everything was run in its order, and other shells know the way
        assert f"http://127.0.0.1:{port}/ is up" in printed
        assert urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).status == 200
        assert (project / "commands").read_text().split() == ["migrate", "load_demo", "web", "generate_sessions"]
        shown = project / ".data" / "environment"
        assert shown.stat().st_mode & 0o777 == 0o600
        assert "DATABASE_URL=postgresql://db/x\nREDIS_URL=redis://r\nSECRET_KEY=s\n" in shown.read_text()

        # When the terminal's Ctrl-C comes, twice
        os.killpg(process.pid, signal.SIGINT)
        os.killpg(process.pid, signal.SIGINT)

        # Then all of it ends, within the time that is promised
        assert process.wait(timeout=15) == 0
    assert marked(project / ".data") == []
    assert not shown.exists()


def test_what_a_killed_supervisor_left_does_not_keep_the_next_from_starting(project: Path, port: int) -> None:
    with launch(project, port, DEMO="0") as process:
        until_line(process, "is up")
        process.kill()
    left = marked(project / ".data")
    assert len(left) == 3

    with launch(project, port, DEMO="0") as process:
        until_line(process, "is up")
        assert not set(left) & set(marked(project / ".data"))
        process.terminate()


def test_a_taken_port_is_refused_in_one_line(project: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with launch(project, port) as process:
            printed = process.communicate(timeout=10)[0]

    assert process.returncode == 1
    assert printed == f"Port {port} cannot be used (Address already in use): try another PORT.\n"


@pytest.mark.parametrize("value", ["eighty", "0", "65536"])
def test_a_port_that_is_none_is_refused_in_one_line(project: Path, value: str) -> None:
    with launch(project, 0, PORT=value) as process:
        printed = process.communicate(timeout=10)[0]

    assert process.returncode == 1
    assert printed == f"PORT takes a number from 1 to 65535, not {value!r}.\n"


def test_a_failed_release_ends_the_run(project: Path, port: int) -> None:
    (project / "Procfile").write_text("release: exit 5\nweb: python manage.py web\n")

    with launch(project, port) as process:
        printed = process.communicate(timeout=10)[0]

    assert process.returncode == 1
    assert printed == "release failed: `exit 5` ended with 5.\n"
    assert not (project / ".data" / "environment").exists()
