"""Runs that people ask for."""

from typing import Any

import pytest

from tests.workers.conftest import Queues
from tests.workers.scheduled import NOW, fields, later, make_job, make_run
from workers import runs

pytestmark = pytest.mark.django_db


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
