"""The end of a run, or of one of its attempts."""

import pytest

from tests.workers.conftest import Queues
from tests.workers.scheduled import NOW, fields, later, make_run
from workers import runs

pytestmark = pytest.mark.django_db


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
