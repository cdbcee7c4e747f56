"""Runs whose workers have died."""

import pytest

from tests.workers.scheduled import NOW, fields, later, make_run
from workers import runs
from workers.models import Run

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
