"""The run around each call of a job, whoever sent its message."""

import inspect
import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from dramatiq.middleware import TimeLimit, TimeLimitExceeded
from periodiq import cron

from tests.waiting import eventually
from tests.workers.conftest import Queues
from tests.workers.jobs.conftest import declare, row
from tests.workers.scheduled import NOW, Does, break_the_connection, fields, later, make_job, make_run, work
from workers import jobs, runs
from workers.broker import broker
from workers.jobs import calls, current_run, job, keep_in_step
from workers.models import Run, ScheduledJob

pytestmark = pytest.mark.django_db

IN_THREADS = pytest.mark.django_db(transaction=True)


# --- Messages sent by hand --------------------------------------------------------------------------------


def seen(*args: Any, **kwargs: Any) -> list[Any]:
    run = current_run()
    return [args, kwargs, str(run.slot) if run and run.slot else None]


@pytest.mark.django_db(transaction=True)
def test_sent_by_hand_an_actor_is_a_run_without_a_slot(queues: Queues) -> None:
    with Does(seen):
        work.send(1, two=3)
        queues.work_off("default")

    run = Run.objects.get()
    assert (run.cause, run.slot, run.job, run.state, run.attempts) == ("manual", None, None, "succeeded", 1)
    assert (run.args, run.kwargs, run.result) == ([1], {"two": 3}, [[1], {"two": 3}, None])


@pytest.mark.django_db(transaction=True)
def test_sent_by_hand_while_its_job_runs_it_is_skipped_and_says_so(queues: Queues) -> None:
    mine = make_job(id="work")
    make_run(mine, "running", heartbeat_at=timezone.now())

    work.send()
    queues.work_off("default")

    run = Run.objects.get(cause="manual")
    assert (run.job, run.state, run.reason) == (mine, "skipped", "1 of this job were running already")


@pytest.mark.django_db(transaction=True)
def test_a_message_sent_by_hand_that_comes_again_is_the_same_run(queues: Queues) -> None:
    message = work.send()
    queues.work_off("default")

    broker().enqueue(message)  # as Redis does with what a dead worker had taken
    with Does(lambda: pytest.fail("called twice")):
        queues.work_off("default")

    run = Run.objects.get()
    assert (str(run.pk), run.state, run.attempts) == (message.message_id, "succeeded", 1)


@pytest.mark.django_db(transaction=True)
def test_an_error_that_trying_again_will_not_mend_is_tried_once(queues: Queues) -> None:
    def picky(days: int = 1) -> None:
        raise LookupError("no such day")

    actor = job(throws=(LookupError,))(picky)
    actor.send()
    queues.work_off("default")

    run = Run.objects.get()
    assert (run.state, run.attempts) == ("failed", 1)
    assert "LookupError: no such day" in run.error


@pytest.mark.django_db(transaction=True)
def test_called_inside_its_own_run_the_actor_is_a_plain_function(queues: Queues) -> None:
    with Does(lambda n=2: [n, *(work(n - 1) if n else [])]):
        work.send()
        queues.work_off("default")

    assert Run.objects.get().result == [2, 1, 0]


@pytest.mark.django_db(transaction=True)
def test_called_by_another_job_the_actor_is_a_plain_function(queues: Queues) -> None:
    def other() -> Any:
        return work("a")

    with Does(seen):
        job()(other).send()
        queues.work_off("default")

    assert Run.objects.get().result == [["a"], {}, None]
    assert current_run() is None


def test_the_signature_of_an_actor_is_that_of_its_function() -> None:
    assert list(inspect.signature(declare().fn).parameters) == ["days"]


# --- periodiq's messages ----------------------------------------------------------------------------------


@pytest.fixture
def nightly() -> ScheduledJob:
    """A job that periodiq fires at 02:30 in Sydney."""
    declare(periodic=cron("30 2 * * *"))
    keep_in_step(datetime(2026, 1, 1, tzinfo=UTC))
    return row()


def periodiq_sends(at: str, delay: float = 0.5) -> Run | None:
    message = broker().actors["nightly"].message_with_options(scheduled_at=at)
    return calls.start(message, datetime.fromisoformat(at) + timedelta(seconds=delay))


@pytest.mark.parametrize("second", ["00", "40.25"])
def test_the_slot_of_periodiqs_message_is_its_minute(nightly: ScheduledJob, second: str) -> None:
    run = periodiq_sends(f"2026-03-10T02:30:{second}+11:00")

    assert run
    assert fields(run, "slot", "cause", "state", "job") == (
        (datetime(2026, 3, 9, 15, 30, tzinfo=UTC), "schedule", "running", "nightly")
    )


def test_a_minute_that_is_none_of_the_jobs_is_refused(nightly: ScheduledJob, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "workers.jobs"):
        assert periodiq_sends("2026-03-10T02:31:00+11:00") is None

    assert not Run.objects.exists()
    assert "no slot of it" in caplog.text


def test_the_same_minute_twice_is_one_run(nightly: ScheduledJob) -> None:
    first = periodiq_sends("2026-03-10T02:30:00+11:00")

    assert periodiq_sends("2026-03-10T02:30:40+11:00") is None
    assert Run.objects.get() == first


def test_when_the_clocks_go_back_the_second_half_past_two_is_refused(nightly: ScheduledJob) -> None:
    first = periodiq_sends("2026-04-05T02:30:00+11:00")

    assert first
    assert periodiq_sends("2026-04-05T02:30:00+10:00") is None
    assert Run.objects.get() == first


@pytest.mark.parametrize("off", [{"enabled": False}, {"retired": True}, {"paused_until": later(10**6)}], ids=str)
def test_a_paused_job_takes_no_message_of_periodiqs(nightly: ScheduledJob, off: dict[str, Any]) -> None:
    ScheduledJob.objects.update(**off)

    assert periodiq_sends("2026-03-10T02:30:00+11:00") is None
    assert not Run.objects.exists()


def test_a_message_later_than_the_grace_is_left_to_the_tick_and_the_jobs_policy(nightly: ScheduledJob) -> None:
    assert periodiq_sends("2026-03-10T02:30:00+11:00", delay=60) is None
    assert not Run.objects.exists()

    assert periodiq_sends("2026-03-11T02:30:00+11:00", delay=59)


def test_a_message_of_periodiqs_for_a_job_that_migrate_has_not_written_is_dropped() -> None:
    declare(periodic=cron("30 2 * * *"))

    assert periodiq_sends("2026-03-10T02:30:00+11:00") is None
    assert not Run.objects.exists()


def test_a_message_of_a_run_starts_the_attempt_it_was_sent_for_and_no_other(nightly: ScheduledJob) -> None:
    run = runs.ask("nightly", [], {"days": 2}, job=nightly, by="ann", now=NOW)
    message = jobs.registry["nightly"].message(run)

    claimed = calls.start(message, NOW)

    assert claimed == run
    assert calls.start(message, NOW) is None
    assert fields(run, "state", "attempts", "message_id") == ("running", 1, message.message_id)


# --- A real worker ----------------------------------------------------------------------------------------


@IN_THREADS
def test_a_worker_runs_it_and_notes_what_it_returned(queues: Queues) -> None:
    run = runs.ask("work", [1], {"two": 3}, job=make_job(), by="ann", now=NOW)

    with Does(lambda *args, **kwargs: [args, kwargs]):
        queues.work_off("default")

    assert fields(run, "state", "attempts", "result") == ("succeeded", 1, [[1], {"two": 3}])
    assert fields(run, "message_id")


@IN_THREADS
def test_what_a_job_did_is_noted_though_its_connection_broke_meanwhile(queues: Queues) -> None:
    run = runs.ask("work", [], {}, job=None, by="ann", now=NOW)

    with Does(break_the_connection), queues.worker("default"):
        eventually(lambda: fields(run, "state") != "queued" and fields(run, "state") != "running", within=15)

    assert fields(run, "state", "attempts", "error") == ("succeeded", 1, "")


@IN_THREADS
def test_why_a_job_failed_is_noted_though_its_connection_broke_meanwhile(queues: Queues) -> None:
    def stumble() -> None:
        break_the_connection()
        Run.objects.exists()

    run = runs.ask("work", [], {}, job=None, by="ann", now=NOW)

    with Does(stumble), queues.worker("default"):
        eventually(lambda: fields(run, "error"), within=15)

    assert "OperationalError" in fields(run, "error")
    assert fields(run, "reason") == "to be tried again"


@IN_THREADS
def test_an_outcome_waits_until_the_database_takes_it(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    succeed, refusals = runs.succeed, [OperationalError("starting up"), InterfaceError("closed")]

    def refuse_twice(*args: Any) -> bool:
        if refusals:
            raise refusals.pop()
        return succeed(*args)

    monkeypatch.setattr(calls, "OUTCOME_PAUSES", (0.01, 0.01))
    monkeypatch.setattr(runs, "succeed", refuse_twice)
    run = runs.ask("work", [], {}, job=None, by="ann", now=NOW)

    with Does(lambda: "done"):
        queues.work_off("default")

    assert fields(run, "state", "attempts", "result") == ("succeeded", 1, "done")


@IN_THREADS
def test_a_run_past_its_time_limit_is_noted_and_tried_again(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    def overrun() -> None:
        while not over.wait(0.005):
            pass

    over = threading.Event()
    (limit,) = (each for each in broker().middleware if isinstance(each, TimeLimit))
    monkeypatch.setattr(limit, "manager", TimeLimit(interval=20).manager)
    limit.manager.start()  # as the start of a worker process does
    monkeypatch.setitem(work.options, "time_limit", 500)
    run = runs.ask("work", [], {}, job=None, by="ann", now=NOW)
    with Does(overrun), queues.worker("default"):
        try:
            eventually(lambda: fields(run, "state", "attempts") == ("queued", 1), within=15)
        finally:
            over.set()

    assert TimeLimitExceeded.__name__ in fields(run, "error")
    assert fields(run, "reason") == "to be tried again"


@IN_THREADS
def test_a_job_that_calls_exit_ends_no_worker_and_is_tried_again(queues: Queues) -> None:
    def leave() -> None:
        raise SystemExit("leaving")

    run = runs.ask("work", [], {}, job=None, by="ann", now=NOW)
    with Does(leave), queues.worker("default"):
        eventually(lambda: fields(run, "state", "attempts") == ("queued", 1), within=15)

    assert "SystemExit: leaving" in fields(run, "error")


@IN_THREADS
def test_a_message_that_comes_twice_is_one_call(queues: Queues) -> None:
    calls: list[Any] = []
    run = runs.ask("work", [], {}, job=None, by="ann", now=NOW)
    runs.send([run], NOW)

    with Does(lambda: calls.append(1)):
        queues.work_off("default")

    assert calls == [1]


def test_the_actor_called_as_a_function_is_no_run() -> None:
    with Does(lambda *args: args):
        assert work(1, 2) == (1, 2)

    assert not Run.objects.exists()
    assert not ScheduledJob.objects.filter(actor="work").exists()


@pytest.mark.django_db(transaction=True)
def test_arguments_that_a_deploy_no_longer_fits_fail_at_once(queues: Queues) -> None:
    run = make_run(actor="scheduled_job", args=[1, 2])

    runs.send([run], NOW)
    queues.work_off("default")

    assert fields(run, "state", "attempts") == ("failed", 1)
    assert "too many positional arguments" in fields(run, "error")
