"""`make run` of a toy project, on real processes: no Django, no services."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from server.development.make_run import procfile
from tests.server.development.processes import marked

TOP = Path(__file__).resolve().parents[3]

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
#: The toy's Procfile, whose worker leaves a child in a session of its own.
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
    return subprocess.Popen(
        [sys.executable, "-m", "server.supervisor"],
        cwd=project,
        env=os.environ | named | {"PYTHONPATH": str(TOP)} | environment,
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


def test_a_demo_that_is_neither_on_nor_off_is_refused_in_one_line(project: Path, port: int) -> None:
    with launch(project, port, DEMO="maybe") as process:
        printed = process.communicate(timeout=10)[0]

    assert process.returncode == 1
    assert printed == "DEMO has a value it cannot take: it takes 1 (on) or 0 (off).\n"


def test_a_failed_release_ends_the_run(project: Path, port: int) -> None:
    (project / "Procfile").write_text("release: exit 5\nweb: python manage.py web\n")

    with launch(project, port) as process:
        printed = process.communicate(timeout=10)[0]

    assert process.returncode == 1
    assert printed == "release failed: `exit 5` ended with 5.\n"
    assert not (project / ".data" / "environment").exists()


def test_a_procfile_is_read_as_platforms_read_it(tmp_path: Path) -> None:
    path = tmp_path / "Procfile"
    path.write_text("# no: command\nrelease: migrate\n\nweb: serve --bind ${HOST:-0.0.0.0}:${PORT:-8000}\n")

    assert procfile(path) == {"release": "migrate", "web": "serve --bind ${HOST:-0.0.0.0}:${PORT:-8000}"}
