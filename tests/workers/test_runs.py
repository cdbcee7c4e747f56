"""Every transition of a run, and who may make it."""

import math
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import Error, InterfaceError, OperationalError
from dramatiq.middleware import TimeLimit, TimeLimitExceeded
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from tests.waiting import eventually
from tests.workers.conftest import Queues
from tests.workers.scheduled import NOW, Does, at_once, break_the_connection, fields, later, make_job, make_run, work
from workers import dispatch, jobs, runs
from workers.broker import broker, connect
from workers.models import Run, ScheduledJob

pytestmark = pytest.mark.django_db

IN_THREADS = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _settings(settings: Any, queues: Queues) -> None:
    settings.RUN_HEARTBEAT_SECONDS = 8
    settings.RESEND_AFTER_SECONDS = 120


@pytest.fixture
def closed_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is away: nobody listens where the broker looks for it."""
    monkeypatch.setattr(broker(), "client", connect("redis://127.0.0.1:1/0", retries=0))


# --- Every cell of the state machine ----------------------------------------------------------------------

FINISHED = ("succeeded", "failed", "skipped", "misfired")


def claim(run: Run) -> Any:
    return runs.claim(run.pk, run.attempts, "message", NOW)


def begin_its_slot_again(run: Run) -> Any:
    return runs.begin(Run(job=run.job, actor=run.actor, slot=run.slot), str(uuid4()), NOW)


def succeed(run: Run) -> Any:
    return runs.succeed(run, {"games": 3}, NOW)


def fail(run: Run) -> Any:
    return runs.fail(run, ValueError("no luck"), NOW)


def reap(run: Run) -> Any:
    return runs.reap(later(25))


def ask(run: Run) -> Any:
    return runs.ask(run.actor, run.args, run.kwargs, job=run.job, by="ann", now=NOW)


def retry(run: Run) -> Any:
    return runs.retry(run, by="ann", now=NOW)


CELLS: dict[Callable[[Run], Any], dict[str, str]] = {
    # What a call does to a run of each state: its next state, "-" when nothing changes, "+" when only a run is added.
    claim: {"queued": "running", "running": "-", **dict.fromkeys(FINISHED, "-")},
    begin_its_slot_again: {"queued": "-", "running": "-", **dict.fromkeys(FINISHED, "-")},
    succeed: {"queued": "-", "running": "succeeded", **dict.fromkeys(FINISHED, "-")},
    fail: {"queued": "-", "running": "queued", **dict.fromkeys(FINISHED, "-")},
    reap: {"queued": "-", "running": "queued", **dict.fromkeys(FINISHED, "-")},
    ask: {"queued": "+", "running": "+", **dict.fromkeys(FINISHED, "+")},
    retry: {"queued": "refused", "running": "refused", "succeeded": "refused", **dict.fromkeys(FINISHED[1:], "+")},
}


def test_the_table_names_every_cell() -> None:
    assert all(set(row) == set(Run.State.values) for row in CELLS.values())


@pytest.mark.parametrize(
    ("transition", "state", "outcome"),
    [
        pytest.param(transition, state, outcome, id=f"{transition.__name__} when {state}: {outcome}")
        for transition, row in CELLS.items()
        for state, outcome in row.items()
    ],
)
def test_what_each_transition_does_to_a_run_of_each_state(
    transition: Callable[[Run], Any], state: str, outcome: str
) -> None:
    run = make_run(make_job(max_instances=2), state, slot=later(-1))
    before = Run.objects.values().get(pk=run.pk)

    if outcome == "refused":
        with pytest.raises(ValueError, match=f"This run is {state}"):
            transition(run)
        answer: Any = None
    else:
        answer = transition(run)

    after = Run.objects.values().get(pk=run.pk)
    added = Run.objects.exclude(pk=run.pk)
    if outcome in ("-", "+", "refused"):
        assert after == before
        assert added.count() == (outcome == "+")
        assert answer == (added.get() if outcome == "+" else answer)
        assert bool(answer) == (outcome == "+")
    else:
        assert (after["state"], bool(answer), added.count()) == (outcome, True, 0)


# --- What a transition writes -----------------------------------------------------------------------------


def test_a_run_that_starts_notes_its_attempt_its_time_and_its_message() -> None:
    run = make_run(make_job(), reason="to be tried again", attempts=1)

    claimed = runs.claim(run.pk, 1, "the-message", NOW)

    assert claimed
    assert (claimed.pk, claimed.attempts) == (run.pk, 2)
    assert fields(run, "state", "attempts", "started_at", "heartbeat_at", "message_id", "reason") == (
        ("running", 2, NOW, NOW, "the-message", "")
    )


def test_a_run_that_succeeds_keeps_its_result_and_forgets_the_error_of_an_earlier_attempt() -> None:
    run = make_run(None, "running", attempts=2, error="Traceback")

    runs.succeed(run, {"games": 3}, later(5))

    assert fields(run, "state", "result", "error", "finished_at") == ("succeeded", {"games": 3}, "", later(5))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("attempts", "pause"), [(1, 10), (2, 20)])
def test_a_run_that_fails_is_sent_again_after_a_pause_that_doubles(queues: Queues, attempts: int, pause: int) -> None:
    run = make_run(None, "running", attempts=attempts)

    assert runs.fail(run, ValueError("no luck"), NOW)

    assert fields(run, "state", "due_at", "enqueued_at", "finished_at") == ("queued", later(pause), NOW, None)
    assert fields(run, "error").endswith("ValueError: no luck\n")
    (message,) = queues.messages("default.DQ")
    assert (message.options["run_id"], message.options["attempt"]) == (str(run.pk), attempts)
    assert "eta" in message.options


def test_a_run_that_has_had_its_attempts_has_failed_for_good() -> None:
    run = make_run(None, "running", attempts=3)

    runs.fail(run, ValueError("no luck"), NOW)

    assert fields(run, "state", "attempts", "finished_at") == ("failed", 3, NOW)


def test_an_error_that_trying_again_will_not_mend_ends_the_run_at_once() -> None:
    run = make_run(None, "running")

    runs.fail(run, ValueError("no luck"), NOW, again=False)

    assert fields(run, "state", "finished_at") == ("failed", NOW)


def test_of_a_long_traceback_the_end_is_kept() -> None:
    run = make_run(None, "running")

    runs.fail(run, ValueError("x" * 50_000 + "the end"), NOW)

    error = fields(run, "error")
    assert error.endswith("the end\n")
    assert len(error) == runs.TEXT


@pytest.mark.parametrize("text", ["a\0b", "a\udc80b"], ids=["NUL", "half a surrogate pair"])
def test_an_error_that_the_database_cannot_hold_is_spelt_out(text: str) -> None:
    run = make_run(None, "running")

    runs.fail(run, ValueError(text), NOW)

    assert fields(run, "state") == "queued"
    assert "ValueError: a\\" in fields(run, "error")


@pytest.mark.parametrize(
    "result",
    [{1, 2}, object(), {"at": NOW}, {(1, 2): 3}, math.nan, [math.inf], "a\0b", {"a": "\\\0"}, "\ud800"],
    ids=repr,
)
def test_a_result_that_json_or_the_database_cannot_hold_is_kept_as_its_text(result: Any) -> None:
    run = make_run(None, "running")

    assert runs.succeed(run, result, NOW)

    assert fields(run, "state", "result") == ("succeeded", repr(result))


@pytest.mark.parametrize("result", [None, 0, "Zoë", [1, {"a": None}], "a\\u0000b"])
def test_a_result_that_json_can_hold_is_kept_as_it_is(result: Any) -> None:
    run = make_run(None, "running")

    runs.succeed(run, result, NOW)

    assert fields(run, "state", "result") == ("succeeded", result)


@pytest.mark.django_db(transaction=True)
def test_a_run_asked_for_by_hand_is_sent_at_once_and_says_who_asked(queues: Queues) -> None:
    job = make_job()

    run = runs.ask("work", [1], {"two": 3}, job=job, by="ann", now=NOW)

    assert fields(run, "job", "slot", "cause", "by", "due_at") == (job.pk, None, "manual", "ann", NOW)
    (message,) = queues.messages("default")
    assert (message.actor_name, message.args, message.kwargs) == ("work", (1,), {"two": 3})
    assert message.options["run_id"] == str(run.pk)


def test_a_run_asked_for_in_a_transaction_is_sent_after_it(
    queues: Queues, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        runs.ask("work", [], {}, job=None, by="ann", now=NOW)
    assert queues.messages("default") == []

    for callback in callbacks:
        callback()
    assert len(queues.messages("default")) == 1


def test_a_retry_is_another_run_with_the_same_arguments_that_names_the_first() -> None:
    failed = make_run(make_job(), "failed", args=[1], kwargs={"two": 3}, slot=later(-60), attempts=3)

    again = runs.retry(failed, by="ann", now=NOW)

    assert fields(again, "job", "args", "kwargs", "slot") == (failed.job_id, [1], {"two": 3}, None)
    assert fields(again, "cause", "by", "attempts", "reason") == ("retry", "ann", 0, f"retry of {failed.pk}")


# --- Fencing ----------------------------------------------------------------------------------------------


def frozen_at_its_first_attempt(state: str) -> Run:
    run = make_run(make_job(), state, attempts=2)
    run.attempts = 1
    return run


@pytest.mark.parametrize("state", ["queued", "running"])
@pytest.mark.parametrize("wakes_up", [claim, succeed, fail])
def test_a_worker_that_wakes_up_after_its_run_was_taken_from_it_changes_nothing(
    wakes_up: Callable[[Run], Any], state: str
) -> None:
    run = frozen_at_its_first_attempt(state)
    before = Run.objects.values().get(pk=run.pk)

    assert not wakes_up(run)

    assert Run.objects.values().get(pk=run.pk) == before


def test_a_worker_that_waited_for_the_lock_does_not_end_the_attempt_of_another() -> None:
    run = frozen_at_its_first_attempt("queued")

    runs._end(run, Run.State.SKIPPED, "full", NOW)

    assert fields(run, "state") == "queued"


# --- Places -----------------------------------------------------------------------------------------------


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

    dispatch.resend(later(10))
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
def test_of_two_workers_with_the_same_run_one_starts_it() -> None:
    run = make_run(make_job(max_instances=2))

    started = at_once(lambda: claim(run), lambda: claim(run))

    assert sorted(map(bool, started)) == [False, True]
    assert fields(run, "state", "attempts") == ("running", 1)


@IN_THREADS
def test_of_two_runs_that_start_together_one_gets_the_only_place() -> None:
    job = make_job(max_instances=1)
    first, second = make_run(job), make_run(job)

    started = at_once(lambda: claim(first), lambda: claim(second))

    assert sorted(map(bool, started)) == [False, True]
    assert sorted(job.runs.values_list("state", flat=True)) == ["running", "skipped"]


@IN_THREADS
def test_a_slot_begun_twice_at_once_is_one_run() -> None:
    job = make_job(max_instances=2)

    def begin() -> Any:
        return runs.begin(Run(job=job, actor="work", slot=NOW), "message", NOW)

    started = at_once(begin, begin, begin)

    assert sorted(map(bool, started)) == [False, False, True]
    assert job.runs.get().state == "running"


# --- The job has its say when the run starts --------------------------------------------------------------


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


def test_a_late_run_that_finds_no_place_waits_as_catch_up() -> None:
    job = make_job()
    make_run(job, "running")
    run = make_run(job, slot=later(-100), due_at=later(-100))

    assert not claim(run)

    assert fields(run, "state", "cause", "reason") == ("queued", "catch_up", "waits for a place")


# --- Dead workers -----------------------------------------------------------------------------------------


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
    dispatch.resend(later(4_000))

    assert dict(Run.objects.values_list("actor", "state")) == {"gone": "failed", "work": "queued"}


# --- Redis is away ----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("closed_port")
def test_what_redis_does_not_take_is_left_to_be_sent(caplog: pytest.LogCaptureFixture) -> None:
    run = runs.ask("work", [], {}, job=None, by="ann", now=NOW)

    assert fields(run, "state", "enqueued_at") == ("queued", None)
    assert "Redis did not take 1 runs" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_tick_sends_what_redis_did_not_take(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(messages: Any) -> int:
        raise RedisConnectionError("away")

    with monkeypatch.context() as patch:
        patch.setattr(broker(), "enqueue_all", away)
        run = runs.ask("work", [], {}, job=None, by="ann", now=NOW)
        failing = make_run(None, "running")
        runs.fail(failing, ValueError(), NOW)
        assert fields(failing, "state", "enqueued_at") == ("queued", None)

    dispatch.resend(later(1))

    assert [message.options["run_id"] for message in queues.messages("default")] == [str(run.pk)]
    assert [message.options["run_id"] for message in queues.messages("default.DQ")] == [str(failing.pk)]
    assert fields(run, "enqueued_at") == later(1)


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

    monkeypatch.setattr(jobs, "OUTCOME_PAUSES", (0.01, 0.01))
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
    monkeypatch.setitem(work.options, "time_limit", 50)
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


@IN_THREADS
def test_while_a_run_works_its_heartbeat_is_written(
    queues: Queues, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RUN_HEARTBEAT_SECONDS = 1
    monkeypatch.setattr(runs, "pulse", runs._Pulse())
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


@IN_THREADS
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
    with runs._Pulse().of(run):
        eventually(lambda: fields(run, "heartbeat_at") > NOW, within=10)

    assert refused.is_set()


def test_the_actor_called_as_a_function_is_no_run() -> None:
    with Does(lambda *args: args):
        assert work(1, 2) == (1, 2)

    assert not Run.objects.exists()
    assert not ScheduledJob.objects.filter(actor="work").exists()


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


def test_of_late_slots_that_coalesce_the_latest_runs_for_all() -> None:
    job = make_job(catch_up="latest")
    late = [make_run(job=job, slot=later(after), due_at=later(after)) for after in (-7_200, -7_190, -7_180)]

    begun = [runs.claim(run.pk, 0, "", NOW) for run in late]

    assert [run is not None for run in begun] == [False, False, True]
    assert [fields(run, "state") for run in late] == ["misfired", "misfired", "running"]


@pytest.mark.django_db(transaction=True)
def test_arguments_that_a_deploy_no_longer_fits_fail_at_once(queues: Queues) -> None:
    run = make_run(actor="scheduled_job", args=[1, 2])

    runs.send([run], NOW)
    queues.work_off("default")

    assert fields(run, "state", "attempts") == ("failed", 1)
    assert "too many positional arguments" in fields(run, "error")


def test_while_redis_is_full_a_tick_tries_once_and_leaves_the_rest_to_the_next(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers, and takes nothing."""

    def full(messages: Any) -> int:
        tried.append(len(list(messages)))
        raise RedisError("OOM command not allowed")

    tried: list[int] = []
    monkeypatch.setattr(broker(), "enqueue_all", full)
    for _ in range(3):
        make_run(enqueued_at=None)

    dispatch.resend(NOW)

    assert tried == [3]
    assert Run.objects.filter(state="queued", enqueued_at=None).count() == 3
