"""No secret of the environment, and none that a client sends, stands in a page, a log or an error: real processes."""

import json
import os
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

import pytest

from server.embedded import search_path
from tests.faults.web import free_port
from tests.processes import running
from tests.waiting import eventually

TOP = Path(__file__).resolve().parents[3]

#: What stands for each secret.
MARK = "s3cr3t-mark"

#: Nobody listens there, so that everything goes wrong that can.
ENVIRONMENT = {
    "DATABASE_URL": f"postgresql://user:{MARK}-database@127.0.0.1:1/poker",
    "REDIS_URL": f"redis://user:{MARK}-redis@127.0.0.1:1/0",
    "SECRET_KEY": f"{MARK}-key-that-is-long-enough-for-every-check-there-is",
    "METRICS_TOKEN": f"{MARK}-metrics",
    "EMAIL_HOST": "127.0.0.1",
    "EMAIL_HOST_PASSWORD": f"{MARK}-mail",
    "HEARTBEAT_URL": f"http://127.0.0.1:1/{MARK}",
    "ALLOWED_HOSTS": "127.0.0.1",
}

LOGIN = json.dumps({"username": "ann", "password": f"{MARK}-password"})
REQUESTS = [
    ("GET", "/", ""),
    ("GET", "/readyz", ""),
    ("GET", "/healthz/scheduler", ""),
    ("GET", "/metrics", ""),
    ("GET", "/admin/", ""),
    ("GET", "/api/v1/jobs/", ""),
    ("GET", "/nowhere", ""),
    ("POST", "/api/v1/token/", LOGIN),
]


@pytest.mark.parametrize("setting", [{}, {"JSON_LOGS": "1"}], ids=["lines", "json"])
def test_the_web_process_tells_no_secret(
    setting: dict[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    env = {**os.environ, "PATH": search_path(), **ENVIRONMENT, **setting, "HOST": "127.0.0.1", "PORT": str(port)}
    sent = {"X-Forwarded-Proto": "https", "Content-Type": "application/json"}
    known = {**sent, "Authorization": f"Bearer {MARK}-metrics", "Cookie": f"sessionid={MARK}"}
    token = {**sent, "Authorization": f"Token {MARK}-token"}

    def ask(method: str, path: str, body: str, headers: dict[str, str]) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, f"{answer.getheaders()} {answer.read().decode()}"
        except OSError:
            return 0, ""
        finally:
            connection.close()

    with running("web", env=env, data=tmp_path):
        eventually(lambda: ask("GET", "/healthz", "", sent)[0] == 200, within=30)
        answers = [ask(*request, headers) for request in REQUESTS for headers in (known, token)]

    printed = capfd.readouterr()
    assert {status for status, _ in answers} == {302, 401, 404, 503}
    assert "Connection refused" in printed.out  # it did tell what went wrong
    assert MARK not in printed.out + printed.err
    assert not [said for _, said in answers if MARK in said]


def test_the_page_of_an_error_that_debug_shows_tells_no_secret_of_the_settings() -> None:
    show = (
        "import django; django.setup();"
        "from django.views.debug import get_default_exception_reporter_filter as filter_of;"
        "print(filter_of().get_safe_settings())"
    )
    done = subprocess.run(
        [sys.executable, "-c", show],
        env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "server.settings", "DEBUG": "1", **ENVIRONMENT},
        cwd=TOP,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert "LOOKAHEAD_DAYS" in done.stdout, done.stderr
    assert MARK not in done.stdout
