"""The supervisor, on real processes and toy commands: no Django, no services."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from server.development import supervisor as module
from server.development.supervisor import RefusedError, Stop, Stopped, Supervisor, next_delay
from tests.server.development.processes import marked
from tests.server.development.stops import stops
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
    stop = Stop()
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
    supervisor = Supervisor(dict(os.environ), tmp_path, Stop())

    assert supervisor.run_once("demo", "echo one && echo two") == "one\ntwo\n"
    assert capfd.readouterr().out == "demo      | one\ndemo      | two\n"
    with pytest.raises(RefusedError, match="release failed: `exit 4` ended with 4"):
        supervisor.run_once("release", "exit 4")


def test_two_signals_close_together_end_the_wait(tmp_path: Path) -> None:
    """A lock that a handler takes may be held by what it interrupted: by another handler, for one."""
    assert stops(60, tmp_path) == 60
