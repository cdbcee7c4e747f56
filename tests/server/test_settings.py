"""What becomes of a start with a bad environment: real processes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
SOUND = {
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": "for-tests-only-0a1b2c3d4e5f6g7h8i9j",
    "ALLOWED_HOSTS": "poker.example.com",
}
#: Each variable that can be wrong, and what it is said to take.
TAKES = {
    "DEBUG": "1 (on) or 0 (off)",
    "SECRET_KEY": "a random string of 32 characters or more",
    "ALLOWED_HOSTS": "host names separated by commas, without https:// and port",
    "DATABASE_URL": "postgresql://user:password@host:5432/name",
    "REDIS_URL": "redis://host:6379/0",
    "LOOKAHEAD_DAYS": "a whole number from 1 to 399",
    "RESEND_AFTER_SECONDS": "a whole number from 1 to 3600",
    "TICK_OVERDUE_SECONDS": "a whole number from 60 to 3600",
    "BROKER_HEARTBEAT_SECONDS": "a whole number from 2 to 600",
    "RUN_HEARTBEAT_SECONDS": "a whole number from 1 to 60",
    "MIN_JOB_INTERVAL_SECONDS": "a whole number from 1 to 3600",
    "HISTORY_DAYS": "a whole number from 1 to 3650",
    "EMAIL_PORT": "a whole number from 1 to 65535",
    "API_REQUESTS_PER_MINUTE": "a whole number from 1 to 1000000",
    "REQUESTS_PER_MINUTE": "a whole number from 1 to 1000000",
    "PROXIES": "a whole number from 0 to 9",
    "DATABASE_POOL": "0, or a whole number from 5 to 500",
    "STATEMENT_TIMEOUT_SECONDS": "a whole number from 0 to 3600",
    "LOCK_TIMEOUT_SECONDS": "a whole number from 0 to 3600",
    "HEARTBEAT_URL": "nothing, or a web address",
    "SENTRY_DSN": "nothing, or the address that Sentry shows",
    "JSON_LOGS": "1 (on) or 0 (off)",
    "METRICS_TOKEN": "nothing, or a secret of 16 characters or more without spaces",
    "ADMINS": "e-mail addresses separated by commas",
    "EMAIL_HOST": "nothing, or a host name such as smtp.example.com",
    "EMAIL_FROM": "an e-mail address",
    # The Procfile's own
    "HOST": "the address that web listens on",
    "PORT": "a whole number from 1 to 65535",
    "WEB_CONCURRENCY": "a whole number from 1 to 100",
    "WORKER_PROCESSES": "a whole number from 1 to 100",
    "WORKER_THREADS": "a whole number from 1 to 500",
}
#: The variables that take any text: the mail server alone knows what they may be.
TEXTS = {"EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD"}
GARBAGE = {
    "SECRET_KEY": "hidden",
    "ALLOWED_HOSTS": "https://poker.example.com",
    "EMAIL_HOST": "smtp://hidden.example.com:25",
    "EMAIL_FROM": "nonsense",
    "ADMINS": "owner@example.com,not an address",
    "HOST": "http://0.0.0.0",
    "DATABASE_URL": "mysql://u:hidden@h/db",
    "REDIS_URL": "http://:hidden@h",
}


def start(*command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in an environment of which nothing but PATH is inherited."""
    return subprocess.run(
        [sys.executable, *command],
        env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "server.settings", **environment},
        cwd=TOP,
        capture_output=True,
        text=True,
        timeout=30,
    )


def assert_one_line(ended: "subprocess.CompletedProcess[str]", name: str) -> None:
    assert ended.returncode == 1
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"{name} ")
    assert TAKES[name] in line
    assert "hidden" not in line


def test_a_sound_environment_starts() -> None:
    ended = start("manage.py", "check", **SOUND)

    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("name", TAKES)
def test_garbage_stops_the_start_with_one_line(name: str) -> None:
    environment = {**SOUND, name: GARBAGE.get(name, "garbage")}

    assert_one_line(start("manage.py", "check", **environment), name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", " "),
        ("SECRET_KEY", "x" * 60),
        ("ALLOWED_HOSTS", " "),
        ("ALLOWED_HOSTS", "poker.example.com:8000"),
        ("ALLOWED_HOSTS", "poker.example.com/"),
        ("ALLOWED_HOSTS", "poker.example.com shop.example.com"),
        ("ALLOWED_HOSTS", "poker.example.com."),
        ("ALLOWED_HOSTS", "*.example.com"),
        ("EMAIL_FROM", "a@b\nBcc: c@d.example"),
        ("SENTRY_DSN", "https://sentry.example.com/hidden"),
        ("HEARTBEAT_URL", "https://hc.example.com:port/hidden"),
        ("METRICS_TOKEN", "hidden, with a space"),
    ],
)
def test_other_garbage_stops_it_too(name: str, value: str) -> None:
    assert_one_line(start("-c", "import server.settings", **{**SOUND, name: value}), name)


def test_what_each_of_them_means_is_taken() -> None:
    """Wildcards, addresses, an IPv6 host, a name before an address."""
    taken = {
        "ALLOWED_HOSTS": "poker.example.com, .example.com,10.0.0.7,[::1],*",
        "ADMINS": "oncall@example.com, root@mail",
        "EMAIL_FROM": "Poker night <poker@example.com>",
        "EMAIL_HOST": "10.0.0.9",
        "HOST": "[::]",
        "METRICS_TOKEN": "0123456789abcdef",
    }
    ended = start("-c", "from server import settings as s; print(s.EMAIL_HOST, s.ADMINS[1][1])", **{**SOUND, **taken})

    assert ended.stdout == "10.0.0.9 root@mail\n", ended.stderr


@pytest.mark.parametrize("connections", ["1", "4", "501"])
def test_a_pool_that_has_no_room_for_a_job_stops_the_start(connections: str) -> None:
    assert_one_line(start("manage.py", "check", **SOUND, DATABASE_POOL=connections), "DATABASE_POOL")


@pytest.mark.parametrize("connections", ["0", "5"])
def test_no_pool_and_the_least_one_start(connections: str) -> None:
    ended = start("-c", "import server.settings", **SOUND, DATABASE_POOL=connections)

    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("name", SOUND)
def test_what_must_be_set_and_is_not_stops_the_start_with_one_line(name: str) -> None:
    environment = {other: value for other, value in SOUND.items() if other != name}

    # Not by manage.py, which takes over the services of a `make run` that is up.
    ended = start("-m", "django", "check", **environment)

    assert_one_line(ended, name)
    assert "is not set" in ended.stderr


def test_no_variable_is_missing_here() -> None:
    source = (TOP / "server" / "settings.py").read_text()
    read = set(re.findall(r'env\.\w+\(\s*"(\w+)"', source))

    assert read == TAKES.keys() | TEXTS
    assert "os.environ" not in source  # but through the typed readers


def test_debug_is_off_unless_set() -> None:
    show = "from server import settings as s; print(s.DEBUG, s.ALLOWED_HOSTS, s.SECURE_SSL_REDIRECT)"

    assert start("-c", show, **SOUND).stdout == "False ['poker.example.com'] True\n"
    environment = {name: value for name, value in SOUND.items() if name != "ALLOWED_HOSTS"}
    assert start("-c", show, **environment, DEBUG="1").stdout == "True ['localhost', '127.0.0.1'] False\n"


def test_mail_goes_to_the_console_unless_a_server_is_named() -> None:
    show = "from server import settings as s; print(s.EMAIL_BACKEND.split('.')[-2], s.EMAIL_HOST_USER or None)"

    assert start("-c", show, **SOUND, EMAIL_HOST="").stdout == "console None\n"
    assert start("-c", show, **SOUND, EMAIL_HOST="mail.example.com", EMAIL_HOST_USER="us").stdout == "smtp us\n"


def test_sentry_is_an_extra_that_its_variable_asks_for(tmp_path: Path) -> None:
    dsn = {"SENTRY_DSN": "https://hidden@sentry.example.com/1"}

    ended = start("manage.py", "check", **SOUND, **dsn)

    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("SENTRY_DSN ")
    assert "pip install sentry-sdk" in line
    assert "hidden" not in line

    (tmp_path / "sentry_sdk.py").write_text("def init(dsn): print('reports to', dsn)")
    ended = start("-c", "import server.settings", **SOUND, **dsn, PYTHONPATH=str(tmp_path))
    assert ended.stdout == "reports to https://hidden@sentry.example.com/1\n", ended.stderr


def test_the_longest_look_ahead_is_one_that_a_window_can_have() -> None:
    from events.sessions import MAX_WINDOW_DAYS

    bounds = re.search(r"from 1 to (\d+)", TAKES["LOOKAHEAD_DAYS"])
    assert bounds
    assert int(bounds[1]) + 1 == MAX_WINDOW_DAYS  # both ends are included
