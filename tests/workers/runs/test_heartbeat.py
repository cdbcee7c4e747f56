"""The heartbeat of a worker process, and of what it runs, and of nothing else."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import Error
from django.utils import timezone

from events.public_holidays import HOLIDAYS
from events.zones import ZONE_DATA
from tests.waiting import eventually
from tests.workers.conftest import Queues
from tests.workers.scheduled import NOW, Does, fields
from workers import runs
from workers.broker import Life, broker
from workers.database_time import database_now
from workers.models import Run, WorkerProcess
from workers.runs.heartbeat import Pulse

pytestmark = pytest.mark.django_db(transaction=True)  # it beats in a thread of its own

LONG_AGO = datetime(2026, 3, 10, 2, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    settings.RUN_HEARTBEAT_SECONDS = 0.05


@pytest.fixture
def pulse() -> Iterator[Pulse]:
    pulse = Pulse()
    pulse.start()
    yield pulse
    pulse.stop()


def running(attempt: int = 1, process: WorkerProcess | None = None) -> Run:
    at = dict.fromkeys(("created_at", "due_at", "started_at", "heartbeat_at"), LONG_AGO)
    return Run.objects.create(actor="scheduled_job", state="running", attempts=attempt, process=process, **at)


def beats(run: Run) -> bool:
    return Run.objects.get(pk=run.pk).heartbeat_at != LONG_AGO


def mine(pulse: Pulse) -> WorkerProcess:
    return eventually(lambda: list(WorkerProcess.objects.filter(pk__in=[pulse.process_id])), within=5)[0]


# --- The process ------------------------------------------------------------------------------------------


def test_an_idle_process_beats_and_says_what_data_it_reads(pulse: Pulse) -> None:
    first = mine(pulse)

    eventually(lambda: mine(pulse).beat_at > first.beat_at, within=5)

    assert (first.zone_data, first.holiday_data) == (ZONE_DATA, HOLIDAYS)
    assert first.host
    assert first.ahead == timedelta(0)
    assert WorkerProcess.objects.count() == 1


@pytest.mark.parametrize("seconds", [-25, 36_000])
def test_it_beats_by_the_databases_clock_whatever_its_own_says(seconds: int) -> None:
    pulse, true = Pulse(), database_now()
    with time_machine.travel(true + timedelta(seconds=seconds)):
        pulse.start()
        seen = mine(pulse)
        pulse.stop()

    assert abs(seen.beat_at - true) < timedelta(seconds=5)
    assert abs(seen.started_at - true) < timedelta(seconds=5)
    assert abs(seen.ahead - timedelta(seconds=seconds)) < timedelta(seconds=5)


def test_a_process_whose_row_was_deleted_is_there_again(pulse: Pulse) -> None:
    mine(pulse).delete()

    assert mine(pulse)


def test_it_beats_from_the_boot_of_a_worker_until_its_shutdown(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    pulse = Pulse()
    monkeypatch.setattr(Life, "heart", pulse)
    with queues.worker("default", beats=True):
        process = mine(pulse)
    last = WorkerProcess.objects.get(pk=process.pk).beat_at

    assert "pulse" not in [thread.name for thread in threading.enumerate()]
    assert WorkerProcess.objects.get(pk=process.pk).beat_at == last


def test_the_heart_of_a_worker_process_is_the_pulse_of_its_runs() -> None:
    (life,) = [each for each in broker().middleware if isinstance(each, Life)]

    assert life.heart is runs.pulse


def test_a_beat_that_is_not_written_stops_no_later_one(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    before = mine(pulse)
    refused = threading.Event()
    filtered = WorkerProcess.objects.filter

    def refuse_once(*args: Any, **kwargs: Any) -> Any:
        if threading.current_thread().name == "pulse" and not refused.is_set():
            refused.set()
            raise Error("the connection is closed")
        return filtered(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(WorkerProcess.objects, "filter", refuse_once)
        eventually(refused.is_set, within=5)
        eventually(lambda: mine(pulse).beat_at > before.beat_at, within=10)


# --- Its runs ---------------------------------------------------------------------------------------------


def test_it_beats_for_each_run_of_the_process_until_that_ends(pulse: Pulse) -> None:
    one, other, elsewhere = running(), running(attempt=2), running()

    with pulse.of(one), pulse.of(other):
        eventually(lambda: beats(one) and beats(other), within=5)

    assert not beats(elsewhere)


def test_it_does_not_beat_for_a_run_that_another_worker_has_taken_over(pulse: Pulse) -> None:
    """Or a frozen worker that wakes up would hide the death of the one that does its work now."""
    taken, witness = running(), running()
    with pulse.of(taken), pulse.of(witness):
        Run.objects.filter(pk=taken.pk).update(attempts=2)
        Run.objects.update(heartbeat_at=LONG_AGO)

        eventually(lambda: beats(witness), within=5)

        assert not beats(taken)


def test_an_attempt_that_ends_does_not_silence_a_later_one_of_the_same_run(pulse: Pulse) -> None:
    run = running(attempt=2)
    first = Run(pk=run.pk, attempts=1)
    with pulse.of(run):
        with pulse.of(first):
            pass
        Run.objects.update(heartbeat_at=LONG_AGO)

        eventually(lambda: beats(run), within=5)


def test_a_run_whose_outcome_could_not_be_written_is_no_longer_its_processs(pulse: Pulse) -> None:
    """Or it would be at work for as long as the process lives."""
    run = running(process=mine(pulse))

    with pytest.raises(Error), pulse.of(run):
        raise Error("PostgreSQL is away for longer than anybody waits")

    eventually(lambda: fields(run, "process") is None, within=5)
    assert runs.reap(database_now()) == 1


def test_while_a_run_works_it_is_its_processs_and_its_heartbeat_is_written(
    queues: Queues, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RUN_HEARTBEAT_SECONDS = 1
    done = threading.Event()
    run = runs.ask("work", [], {}, job=None, by="ann", now=NOW)

    with Does(lambda: done.wait(20)), queues.worker("default", beats=True):
        started = eventually(lambda: fields(run, "started_at"), within=15)
        try:
            process = WorkerProcess.objects.get(pk=fields(run, "process"))
            beat = eventually(lambda: fields(run, "heartbeat_at") > started and fields(run, "heartbeat_at"), within=15)
            eventually(lambda: mine(runs.pulse).beat_at > process.beat_at, within=5)
        finally:
            done.set()
        eventually(lambda: fields(run, "state") != "running", within=15)

    assert timezone.now() - beat < timedelta(seconds=20)
