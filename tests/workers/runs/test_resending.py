"""Sending again what was not sent, or was lost."""

from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from tests.workers.conftest import Queues
from tests.workers.scheduled import NOW, due_job, fields, later, make_job, make_run
from workers import dispatch, jobs, runs
from workers.broker import broker
from workers.models import Run
from workers.runs import resending

pytestmark = pytest.mark.django_db


def sent_again(queues: Queues, *names: str) -> set[str]:
    return {m.options["run_id"] for name in names or ("default", "default.DQ") for m in queues.messages(name)}


def wait_in_line(since: float, **options: Any) -> None:
    """Let a message wait for a worker; `since` is in seconds from NOW."""
    message = jobs.registry["work"].actor.message_with_options(**options)
    broker().enqueue_all([message.copy(message_timestamp=round(later(since).timestamp() * 1000))])


def test_runs_that_were_not_sent_are_sent(queues: Queues) -> None:
    unsent = make_run(due_at=later(80), enqueued_at=None)
    make_run(due_at=later(91), enqueued_at=None)  # a later tick's
    for state in ("running", "succeeded", "failed", "skipped", "misfired"):
        make_run(state=state, enqueued_at=None)

    runs.resend(NOW)

    assert sent_again(queues, "default.DQ") == {str(unsent.pk)}
    assert sent_again(queues, "default") == set()
    assert fields(unsent, "enqueued_at") == NOW


@pytest.mark.parametrize(
    ("due", "enqueued", "lost"),
    [(-121, -121, True), (-121, -300, True), (-120, -121, False), (-121, -120, False), (60, -300, False)],
)
def test_a_run_whose_time_came_and_went_must_have_been_lost(
    queues: Queues, due: float, enqueued: float, lost: bool
) -> None:
    run = make_run(due_at=later(due), enqueued_at=later(enqueued))

    runs.resend(NOW)

    assert sent_again(queues) == ({str(run.pk)} if lost else set())


def test_while_messages_wait_on_its_queue_a_run_is_late_and_not_lost(queues: Queues) -> None:
    late = make_run(due_at=later(-300), enqueued_at=later(-300))
    other = make_run(due_at=later(-300), enqueued_at=later(-300), actor="generate_upcoming_game_sessions")
    wait_in_line(since=-121)

    runs.resend(NOW)

    assert sent_again(queues, "clock") == {str(other.pk)}
    assert fields(late, "enqueued_at") == later(-300)


@pytest.mark.parametrize("options", [{}, {"eta": later(-119).timestamp() * 1000}])
def test_a_message_that_has_only_just_come_hides_no_loss(queues: Queues, options: dict[str, float]) -> None:
    """Periodiq's of the same minute come together with the tick."""
    lost = make_run(due_at=later(-300), enqueued_at=later(-300))
    wait_in_line(since=-200 if options else -119, **options)

    runs.resend(NOW)

    assert str(lost.pk) in {message.options.get("run_id") for message in queues.messages("default")}


def test_many_that_are_late_do_not_keep_back_one_that_was_not_sent(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resending, "BATCH", 3)
    for n in range(4):
        make_run(due_at=later(-300 - n), enqueued_at=later(-300))
    unsent = make_run(enqueued_at=None)
    wait_in_line(since=-121)

    runs.resend(NOW)

    assert str(unsent.pk) in {message.options.get("run_id") for message in queues.messages("default")}


def test_a_run_whose_actor_vanished_fails_with_the_reason(queues: Queues) -> None:
    gone = make_run(actor="gone", enqueued_at=None)
    sound = make_run(enqueued_at=None)

    runs.resend(NOW)
    waits = fields(gone, "state")
    queues.clear()
    runs.resend(later(3_700))

    assert waits == "queued"  # a worker that knows it may be on its way
    assert fields(gone, "state", "finished_at") == ("failed", later(3_700))
    assert fields(gone, "reason").startswith("the code has no actor gone any more")
    assert sent_again(queues) == {str(sound.pk)}


def test_after_redis_was_wiped_every_queued_run_is_sent_again(queues: Queues) -> None:
    job = due_job(0)
    dispatch.dispatch_due(NOW)
    queues.clear()

    runs.resend(later(300))

    assert sent_again(queues) == {str(pk) for pk in job.runs.values_list("pk", flat=True)}


def test_a_run_of_newer_code_is_left_to_newer_workers(queues: Queues) -> None:
    job = make_job(actor="of_tomorrow", origin="code", next_run_at=None)
    run = make_run(job=job, actor="of_tomorrow", due_at=NOW, enqueued_at=None)

    runs.resend(NOW)

    run.refresh_from_db()
    assert (run.state, run.enqueued_at) == ("queued", None)


# --- Redis is away ----------------------------------------------------------------------------------------


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

    runs.resend(later(1))

    assert [message.options["run_id"] for message in queues.messages("default")] == [str(run.pk)]
    assert [message.options["run_id"] for message in queues.messages("default.DQ")] == [str(failing.pk)]
    assert fields(run, "enqueued_at") == later(1)


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

    runs.resend(NOW)

    assert tried == [3]
    assert Run.objects.filter(state="queued", enqueued_at=None).count() == 3
