"""The watchdog on real worker processes."""

import os
import subprocess
import sys
import textwrap

import pytest

WORKER = """
import os, signal, sys, threading
import django
django.setup()
from dramatiq import Worker
import workers.actors
from workers.broker import Watchdog, broker
Watchdog.interval, Watchdog.mercy = 0.05, 0.3
broker().namespace = f"test-{os.getpid()}"
worker = Worker(broker(), queues={"default"}, worker_timeout=20, worker_threads=1)
worker.start()
assert [thread.name for thread in threading.enumerate()].count("watchdog") == 1
"""


def run(script: str) -> "subprocess.CompletedProcess[str]":
    """What becomes of a worker process that does `script`."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "server.settings"}
    command = [sys.executable, "-c", WORKER + textwrap.dedent(script)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20)


@pytest.mark.parametrize("queue", ["default", "default.DQ"])
def test_a_process_whose_consumer_has_died_is_asked_to_end(queue: str) -> None:
    ended = run(f"""
        def stop(number, frame):
            worker.stop()
            sys.exit(7)
        signal.signal(signal.SIGTERM, stop)
        worker.consumers[{queue!r}].stop()
        threading.Event().wait()
    """)

    assert ended.returncode == 7, ended.stderr
    assert "Threads of this worker process have died" in ended.stderr


def test_a_process_that_does_not_end_when_asked_is_ended() -> None:
    ended = run("""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        worker.workers[0].stop()
        threading.Event().wait()
    """)

    assert ended.returncode == 1, ended.stderr


def test_a_worker_in_good_health_goes_on_and_is_no_longer_watched_once_it_is_stopped() -> None:
    ended = run("""
        watchdog = next(thread for thread in threading.enumerate() if thread.name == "watchdog")
        watchdog.join(0.2)  # it looks several times
        print("alive:", watchdog.is_alive())
        worker.stop()
        watchdog.join(5)
        print("alive:", watchdog.is_alive())
    """)

    assert (ended.returncode, ended.stdout) == (0, "alive: True\nalive: False\n"), ended.stderr
    assert "died" not in ended.stderr
