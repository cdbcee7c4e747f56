"""Starting a run: once, and only if its job still wants it."""

from typing import Any

import pytest

from tests.workers.conftest import Queues
from tests.workers.scheduled import NOW, at_once, claim, fields, later, make_job, make_run
from workers import runs
from workers.models import Run

pytestmark = pytest.mark.django_db

IN_THREADS = pytest.mark.django_db(transaction=True)


def test_a_run_that_starts_notes_its_attempt_its_time_and_its_message() -> None:
    run = make_run(make_job(), reason="to be tried again", attempts=1)

    claimed = runs.claim(run.pk, 1, "the-message", NOW)

    assert claimed
    assert (claimed.pk, claimed.attempts) == (run.pk, 2)
    assert fields(run, "state", "attempts", "started_at", "heartbeat_at", "message_id", "reason") == (
        ("running", 2, NOW, NOW, "the-message", "")
    )


@IN_THREADS
def test_of_two_workers_with_the_same_run_one_starts_it() -> None:
    run = make_run(make_job(max_instances=2))

    started = at_once(lambda: claim(run), lambda: claim(run))

    assert sorted(map(bool, started)) == [False, True]
    assert fields(run, "state", "attempts") == ("running", 1)


@IN_THREADS
def test_a_slot_begun_twice_at_once_is_one_run() -> None:
    job = make_job(max_instances=2)

    def begin() -> Any:
        return runs.begin(Run(job=job, actor="work", slot=NOW), "message", NOW)

    started = at_once(begin, begin, begin)

    assert sorted(map(bool, started)) == [False, False, True]
    assert job.runs.get().state == "running"


@IN_THREADS
def test_a_message_that_comes_too_early_starts_nothing_and_is_sent_again(queues: Queues) -> None:
    """The clock of the worker that held it is ahead."""
    run = make_run(make_job(), slot=later(60), due_at=later(60))

    assert not claim(run)

    assert fields(run, "state", "attempts") == ("queued", 0)
    (message,) = queues.messages("default.DQ")
    assert message.options["run_id"] == str(run.pk)
    assert message.options["eta"] - message.message_timestamp == pytest.approx(60_000, abs=5_000)


def test_a_message_that_comes_some_seconds_early_starts_its_run() -> None:
    assert claim(make_run(make_job(), slot=later(5), due_at=later(5)))


def test_a_retry_whose_message_comes_early_starts() -> None:
    assert claim(make_run(make_job(), attempts=1, due_at=later(10)))


# --- The job has its say ----------------------------------------------------------------------------------


@pytest.mark.parametrize("off", [{"enabled": False}, {"paused_until": later(1)}, {"retired": True}], ids=str)
def test_a_job_paused_inside_the_look_ahead_does_not_run(off: dict[str, Any]) -> None:
    run = make_run(make_job(**off), slot=NOW, due_at=NOW)

    assert not claim(run)

    assert fields(run, "state", "reason", "finished_at") == ("skipped", "the job was paused", NOW)


@pytest.mark.parametrize(("cause", "attempts"), [("manual", 0), ("retry", 0), ("schedule", 1)])
def test_what_people_ask_for_and_what_was_begun_runs_though_the_job_is_paused(cause: str, attempts: int) -> None:
    assert claim(make_run(make_job(enabled=False), cause=cause, attempts=attempts))


def test_a_pause_that_is_over_holds_up_nothing() -> None:
    assert claim(make_run(make_job(paused_until=NOW), slot=NOW, due_at=NOW))


@pytest.mark.parametrize(
    ("catch_up", "late", "state", "cause"),
    [
        ("skip", 60, "running", "schedule"),
        ("skip", 61, "misfired", "schedule"),
        ("latest", 61, "running", "catch_up"),
        ("all", 61, "running", "catch_up"),
        ("all", 60, "running", "schedule"),
    ],
)
def test_a_run_whose_turn_comes_later_than_its_grace_goes_by_the_jobs_policy(
    catch_up: str, late: int, state: str, cause: str
) -> None:
    run = make_run(make_job(catch_up=catch_up, misfire_grace=60), slot=NOW, due_at=NOW)

    claimed = runs.claim(run.pk, 0, "message", later(late))

    assert bool(claimed) == (state == "running")
    assert fields(run, "state", "cause") == (state, cause)
    assert fields(run, "reason") == ("its turn came 61 s late" if state == "misfired" else "")


def test_jitter_is_no_lateness() -> None:
    run = make_run(make_job(catch_up="skip", jitter=600), slot=later(-600), due_at=later(-1))

    assert claim(run)


def test_of_late_slots_that_coalesce_the_latest_runs_for_all() -> None:
    job = make_job(catch_up="latest")
    late = [make_run(job=job, slot=later(after), due_at=later(after)) for after in (-7_200, -7_190, -7_180)]

    begun = [runs.claim(run.pk, 0, "", NOW) for run in late]

    assert [run is not None for run in begun] == [False, False, True]
    assert [fields(run, "state") for run in late] == ["misfired", "misfired", "running"]
