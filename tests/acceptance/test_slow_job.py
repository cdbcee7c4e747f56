"""A job that takes longer than the time to its next slot."""

from datetime import datetime, timedelta

import redis

from tests.acceptance.conftest import Start
from tests.acceptance.watching import WORK, grid, make_job, most_at_once, notes, rows
from tests.processes import Clock
from tests.waiting import eventually


def test_slots_that_find_the_job_at_work_are_skipped_and_never_two_run_at_once(
    start: Start, queues: redis.Redis
) -> None:
    # Given jobs on every tenth second that take 25 seconds, one of which may run twice at once
    clock = Clock(datetime.fromisoformat("2026-09-25T13:00:10+10:00"), rate=10)
    every_ten = {"type": "cron", "second": "*/10"}
    make_job("one", every_ten, clock.starts_at, seconds=2.5, catch_up="skip")
    make_job("two", every_ten, clock.starts_at, seconds=2.5, catch_up="skip", max_instances=2)

    # When two minutes have passed
    start("worker", "worker", "scheduler", clock=clock, **WORK)
    first = datetime.fromisoformat("2026-09-25T13:01:00+10:00")
    (begun,) = eventually(lambda: rows("one", state="succeeded")[:1], within=20)
    end = (begun.slot or first) + timedelta(seconds=120)
    eventually(lambda: rows("one", slot__gte=end, state="succeeded"), within=30)
    eventually(lambda: rows("two", slot__gte=end, state="succeeded"), within=10)

    # Then there was never one more than may be
    assert most_at_once(notes(queues, "one")) == 1
    assert most_at_once(notes(queues, "two")) == 2

    # And every slot of that time ran, or was skipped and says why
    for job, reason in (
        ("one", "1 of this job were running already"),
        ("two", "2 of this job were running already"),
    ):
        ended = rows(job, slot__gte=begun.slot, slot__lte=end)
        assert [run.slot for run in ended] == grid(begun.slot or first, end, 10)
        assert {run.state for run in ended} == {"succeeded", "skipped"}
        assert {run.reason for run in ended if run.state == "skipped"} == {reason}
        ran = {str(run.pk) for run in ended if run.state == "succeeded"}
        assert ran <= {note.run for note in notes(queues, job, "ended")}
        assert not {str(run.pk) for run in ended if run.state == "skipped"} & {note.run for note in notes(queues, job)}
