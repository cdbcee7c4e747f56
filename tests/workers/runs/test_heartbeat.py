"""The heartbeat of what a worker process runs, and of nothing else."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import Error

from tests.waiting import eventually
from tests.workers.conftest import Queues
from tests.workers.scheduled import NOW, Does, fields, make_run
from workers import runs
from workers.models import Run
from workers.runs.heartbeat import Pulse

pytestmark = pytest.mark.django_db(transaction=True)  # it beats in a thread of its own

LONG_AGO = datetime(2026, 3, 10, 2, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    settings.RUN_HEARTBEAT_SECONDS = 0.05


def running(attempt: int = 1) -> Run:
    at = dict.fromkeys(("created_at", "due_at", "started_at", "heartbeat_at"), LONG_AGO)
    return Run.objects.create(actor="scheduled_job", state="running", attempts=attempt, **at)


def beats(run: Run) -> bool:
    return Run.objects.get(pk=run.pk).heartbeat_at != LONG_AGO


def test_it_beats_for_each_run_of_the_process_until_that_ends() -> None:
    one, other, elsewhere = running(), running(attempt=2), running()

    with runs.pulse.of(one), runs.pulse.of(other):
        eventually(lambda: beats(one) and beats(other), within=5)

    eventually(lambda: runs.pulse.thread is None, within=5)  # it stops with the last run
    assert not beats(elsewhere)


def test_it_does_not_beat_for_a_run_that_another_worker_has_taken_over() -> None:
    """Or a frozen worker that wakes up would hide the death of the one that does its work now."""
    mine, witness = running(), running()
    with runs.pulse.of(mine), runs.pulse.of(witness):
        Run.objects.filter(pk=mine.pk).update(attempts=2)
        Run.objects.update(heartbeat_at=LONG_AGO)

        eventually(lambda: beats(witness), within=5)

        assert not beats(mine)


def test_an_attempt_that_ends_does_not_silence_a_later_one_of_the_same_run() -> None:
    run = running(attempt=2)
    first = Run(pk=run.pk, attempts=1)
    with runs.pulse.of(run):
        with runs.pulse.of(first):
            pass
        Run.objects.update(heartbeat_at=LONG_AGO)

        eventually(lambda: beats(run), within=5)


def test_while_a_run_works_its_heartbeat_is_written(
    queues: Queues, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RUN_HEARTBEAT_SECONDS = 1
    monkeypatch.setattr(runs, "pulse", Pulse())
    done = threading.Event()
    run = runs.ask("work", [], {}, job=None, by="ann", now=NOW)

    with Does(lambda: done.wait(20)), queues.worker("default"):
        started = eventually(lambda: fields(run, "started_at"), within=15)
        try:
            beat = eventually(lambda: fields(run, "heartbeat_at") > started and fields(run, "heartbeat_at"), within=15)
        finally:
            done.set()
        eventually(lambda: fields(run, "state") != "running", within=15)

    assert beat - started >= timedelta(seconds=0.9)
    eventually(lambda: runs.pulse.thread is None, within=5)  # it ends with the last run


def test_a_heartbeat_that_is_not_written_stops_no_later_one(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RUN_HEARTBEAT_SECONDS = 0.05
    run = make_run(None, "running")
    refused = threading.Event()
    filtered = Run.objects.filter

    def refuse_once(*args: Any, **kwargs: Any) -> Any:
        if threading.current_thread().name == "pulse" and not refused.is_set():
            refused.set()
            raise Error("the connection is closed")
        return filtered(*args, **kwargs)

    monkeypatch.setattr(Run.objects, "filter", refuse_once)
    with Pulse().of(run):
        eventually(lambda: fields(run, "heartbeat_at") > NOW, within=10)

    assert refused.is_set()
