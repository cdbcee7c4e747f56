"""A command with both services, on real processes."""

import signal
import subprocess
import sys

import psutil
import pytest
import redis

from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("nothing_named")


def test_the_command_runs_with_both_addresses_and_its_status_is_passed_on() -> None:
    script = "import os, sys; print(os.environ['DATABASE_URL'], os.environ['REDIS_URL']); sys.exit(7)"
    ran = subprocess.run(
        [sys.executable, "-m", "server.embedded", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 7, ran.stderr
    assert ran.stdout.startswith("postgresql://")
    assert "redis://" in ran.stdout


def test_a_signal_reaches_the_command_and_the_services_stop_after_it() -> None:
    script = "import os; print(os.environ['REDIS_URL'], flush=True); input()"
    command = [sys.executable, "-m", "server.embedded", sys.executable, "-c", script]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)

        assert process.wait(timeout=10) == 128 + signal.SIGINT

    eventually(lambda: not any(child.is_running() for child in started), within=2)
    with redis.Redis.from_url(url) as client, pytest.raises(redis.ConnectionError):
        client.ping()
