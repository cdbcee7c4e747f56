"""The places of a job, of which each run that is at work takes one."""

import pytest

from tests.workers.conftest import Queues
from tests.workers.scheduled import NOW, at_once, claim, fields, later, make_job, make_run
from workers import runs

pytestmark = pytest.mark.django_db

IN_THREADS = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("cause", "attempts", "state"),
    [
        ("schedule", 0, "skipped"),
        ("manual", 0, "skipped"),
        ("catch_up", 0, "queued"),
        ("retry", 0, "queued"),
        ("schedule", 1, "queued"),
        ("manual", 1, "queued"),
    ],
)
def test_a_run_that_finds_its_jobs_places_taken_is_skipped_or_waits(cause: str, attempts: int, state: str) -> None:
    job = make_job(max_instances=2)
    for _ in range(2):
        make_run(job, "running")
    run = make_run(job, cause=cause, attempts=attempts)

    assert not claim(run)

    waits = state == "queued"
    assert fields(run, "state", "attempts", "due_at", "enqueued_at", "finished_at", "reason") == (
        state,
        attempts,
        later(30) if waits else run.due_at,
        None if waits else run.enqueued_at,
        None if waits else NOW,
        "waits for a place" if waits else "2 of this job were running already",
    )


def test_a_run_that_waits_for_a_place_is_sent_by_a_tick_and_starts_when_one_is_free(queues: Queues) -> None:
    job = make_job()
    busy, run = make_run(job, "running"), make_run(job, cause="catch_up")
    assert not claim(run)

    runs.resend(later(10))
    runs.succeed(busy, None, later(20))

    (message,) = queues.messages("default.DQ")
    assert message.options["run_id"] == str(run.pk)
    assert runs.claim(run.pk, message.options["attempt"], "message", later(30))


def test_another_jobs_runs_take_no_place() -> None:
    make_run(make_job(), "running")
    make_run(None, "running")

    assert claim(make_run(make_job()))


def test_a_run_without_a_job_has_no_limit() -> None:
    make_run(None, "running")

    assert claim(make_run(None))


def test_the_place_of_a_dead_worker_is_free() -> None:
    job = make_job()
    dead = make_run(job, "running", heartbeat_at=later(-25))
    run = make_run(job)

    assert claim(run)

    assert fields(dead, "state", "reason") == ("queued", "to be tried again")


def test_a_worker_heard_of_a_moment_ago_keeps_its_place() -> None:
    job = make_job()
    alive = make_run(job, "running", heartbeat_at=later(-23))

    assert not claim(make_run(job))

    assert fields(alive, "state") == "running"


@IN_THREADS
def test_of_two_runs_that_start_together_one_gets_the_only_place() -> None:
    job = make_job(max_instances=1)
    first, second = make_run(job), make_run(job)

    started = at_once(lambda: claim(first), lambda: claim(second))

    assert sorted(map(bool, started)) == [False, True]
    assert sorted(job.runs.values_list("state", flat=True)) == ["running", "skipped"]


def test_a_late_run_that_finds_no_place_waits_as_catch_up() -> None:
    job = make_job()
    make_run(job, "running")
    run = make_run(job, slot=later(-100), due_at=later(-100))

    assert not claim(run)

    assert fields(run, "state", "cause", "reason") == ("queued", "catch_up", "waits for a place")


@pytest.mark.django_db(transaction=True)
def test_a_run_that_waits_for_a_place_is_sent_when_one_is_free(queues: Queues) -> None:
    job = make_job(max_instances=1)
    at_work = runs.claim(make_run(job=job).pk, 0, "", NOW)
    second = make_run(job=job, cause="catch_up", slot=NOW)
    assert at_work
    assert runs.claim(second.pk, 0, "", NOW) is None

    runs.succeed(at_work, None, NOW)

    second.refresh_from_db()
    assert (second.state, second.due_at, second.enqueued_at) == ("queued", NOW, NOW)
    assert [message.options["run_id"] for message in queues.messages("default")] == [str(second.pk)]
