"""The heartbeat of what a worker process runs, and of nothing else."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.waiting import eventually
from workers import runs
from workers.models import Run

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
