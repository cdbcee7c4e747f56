"""Runs whose workers have died."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
import time_machine

from tests.waiting import eventually
from tests.workers.scheduled import NOW, fields, later, make_run
from workers import runs
from workers.database_time import database_now
from workers.models import Clock, Run, WorkerProcess
from workers.runs.heartbeat import Pulse

pytestmark = pytest.mark.django_db


def test_runs_not_heard_of_for_three_heartbeats_are_tried_again() -> None:
    dead = make_run(None, "running", heartbeat_at=later(-24.1))
    alive = make_run(None, "running", heartbeat_at=later(-24))

    assert runs.reap(NOW) == 1

    assert fields(dead, "state", "attempts") == ("queued", 1)
    assert "WorkerDied: no heartbeat since" in fields(dead, "error")
    assert fields(alive, "state") == "running"


def test_runs_that_died_together_do_not_start_together_again() -> None:
    """One of them may have ended their worker, and would take the others with it until they have failed."""
    for _ in range(20):
        make_run(None, "running", heartbeat_at=later(-25))

    runs.reap(NOW)

    due = sorted(Run.objects.values_list("due_at", flat=True))
    assert later(10) <= due[0] < due[-1] <= later(30)
    assert len(set(due)) == 20


def test_a_run_whose_workers_keep_dying_fails() -> None:
    run = make_run(None, "running", attempts=3, heartbeat_at=later(-25))

    assert runs.reap(NOW) == 1

    assert fields(run, "state", "finished_at") == ("failed", NOW)


@pytest.mark.django_db(transaction=True)
def test_a_dead_worker_of_an_actor_that_has_vanished_keeps_no_other_from_being_noticed() -> None:
    for actor in ("gone", "work"):
        make_run(None, "running", actor=actor, heartbeat_at=later(-25))

    assert runs.reap(NOW) == 2
    runs.resend(later(4_000))

    assert dict(Run.objects.values_list("actor", "state")) == {"gone": "failed", "work": "queued"}


# --- No host's clock decides about another's life ----------------------------------------------------------


def process(beat_at: datetime) -> WorkerProcess:
    return WorkerProcess.objects.create(host="here", started_at=beat_at, beat_at=beat_at)


def test_a_run_is_dead_three_beats_after_its_process() -> None:
    process(later(-1))  # another, that lives
    dead = make_run(None, "running", process=process(later(-24.1)), heartbeat_at=later(-30))
    alive = make_run(None, "running", process=process(later(-24)), heartbeat_at=later(-3600))

    assert runs.reap(NOW) == 1

    assert fields(dead, "state") == "queued"
    assert fields(alive, "state") == "running"


def test_a_run_whose_process_is_not_known_is_judged_by_its_own_heartbeat() -> None:
    """It was claimed just before its process's first beat, or its process has been gone for more than a day."""
    gone = uuid4()
    old = make_run(None, "running", process_id=gone, heartbeat_at=later(-25))
    new = make_run(None, "running", process_id=gone, heartbeat_at=later(-1))

    assert runs.reap(NOW) == 1

    assert (fields(old, "state"), fields(new, "state")) == ("queued", "running")


@pytest.mark.django_db(transaction=True)  # it beats in a thread of its own
@pytest.mark.parametrize("seconds", [-25, -36_000, 36_000])
def test_a_worker_whose_clock_is_wrong_keeps_its_runs(seconds: int) -> None:
    Clock.objects.create(pk=1)
    true = database_now()
    run = make_run(None, "running", started_at=true, heartbeat_at=true)
    pulse = Pulse()
    with time_machine.travel(true + timedelta(seconds=seconds)), pulse.of(run):
        pulse.start()
        Run.objects.update(process_id=pulse.process_id)
        eventually(WorkerProcess.objects.exists, within=5)
        pulse.stop()

    assert runs.reap(database_now()) == 0

    process(true + timedelta(seconds=20))  # another, that lives on
    assert runs.reap(database_now() + timedelta(seconds=30)) == 1


def test_a_silence_that_everybody_kept_is_no_death_when_the_tick_comes_first_afterwards() -> None:
    Clock.objects.create(pk=1)
    held = [make_run(None, "running", process=process(later(-600 - n)), heartbeat_at=later(-600)) for n in range(2)]

    assert runs.reap(NOW) == 0

    assert Clock.objects.get().silent_until == NOW
    WorkerProcess.objects.filter(pk__in=[held[0].process_id]).update(beat_at=later(10))
    assert runs.reap(later(24)) == 0
    assert runs.reap(later(24.1)) == 1
    assert [fields(run, "state") for run in held] == ["running", "queued"]


@pytest.mark.django_db(transaction=True)
def test_a_process_that_comes_first_after_a_silence_notes_it_before_it_beats() -> None:
    now = database_now()
    Clock.objects.create(pk=1)
    silent = process(now - timedelta(hours=1))
    held = make_run(None, "running", process=silent, heartbeat_at=silent.beat_at)
    pulse = Pulse()

    pulse.start()
    eventually(lambda: WorkerProcess.objects.count() == 2, within=5)
    pulse.stop()

    assert runs.reap(database_now()) == 0
    assert fields(held, "state") == "running"
    silent_until = Clock.objects.get().silent_until
    assert silent_until
    assert silent_until >= now


def test_one_process_that_was_silent_among_others_is_dead() -> None:
    Clock.objects.create(pk=1)
    process(later(-8))
    make_run(None, "running", process=process(later(-25)))

    assert runs.reap(NOW) == 1

    assert Clock.objects.get().silent_until is None


def test_a_silence_noted_by_a_clock_that_was_ahead_protects_nobody() -> None:
    Clock.objects.create(pk=1, silent_until=later(36_000))
    process(NOW)
    make_run(None, "running", process=process(later(-25)))

    assert runs.reap(NOW) == 1
