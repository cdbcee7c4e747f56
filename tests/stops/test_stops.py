"""`make run` ends when it is asked to, however often and however closely: 300 bare supervisors, 20 real runs."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from server.development.processes import signal_group
from tests.server.development.processes import marked
from tests.server.development.stops import stops

TOP = Path(__file__).resolve().parents[2]


def test_three_hundred_bare_supervisors(tmp_path: Path) -> None:
    assert stops(300, tmp_path) == 300


@pytest.mark.parametrize("attempt", range(20))
def test_a_real_run(attempt: int, tmp_path: Path) -> None:
    """At any moment from its start to well after it answers, by two signals that come from two sides."""
    for name in ("Procfile", "manage.py", "server", "events", "workers"):
        (tmp_path / name).symlink_to(TOP / name)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "server.supervisor"]
    environment = os.environ | {"PORT": str(port), "PYTHONPATH": str(tmp_path), "DEMO": "0"}
    for name in ("DATABASE_URL", "REDIS_URL"):
        environment.pop(name, None)
    with subprocess.Popen(command, cwd=tmp_path, env=environment, start_new_session=True) as run:
        time.sleep(random.Random(attempt).uniform(1, 12))

        subprocess.Popen(["sh", "-c", f"kill -TERM {run.pid}; kill -INT {run.pid}"])
        signal_group(run.pid, signal.SIGTERM)

        try:
            assert run.wait(timeout=15) == 0
        finally:
            run.kill()
    assert marked(tmp_path / ".data") == []
