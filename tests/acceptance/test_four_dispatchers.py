"""However many dispatchers there are, and wherever they die, a slot has one run."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
import redis

from tests.acceptance.conftest import Start
from tests.acceptance.watching import WORK, grid, make_job, notes, rows, settled
from tests.processes import Clock
from tests.waiting import eventually
from workers.models import Run

JOBS, SLOTS = 10, 100


def test_four_dispatchers_killed_at_random_make_a_thousand_runs_of_a_thousand_slots(
    start: Start, queues: redis.Redis, capfd: pytest.CaptureFixture[str]
) -> None:
    # Given ten jobs with a hundred slots each, none of which is ever too late
    clock = Clock(datetime.fromisoformat("2026-09-25T13:00:00+10:00"), rate=60)
    first = clock.starts_at + timedelta(minutes=4)
    last = first + timedelta(seconds=15 * (SLOTS - 1))
    ids = [f"job-{n}" for n in range(JOBS)]
    for id in ids:
        bounds = {"start_at": first, "end_at": last, "max_instances": 100, "misfire_grace": 86_400}
        make_job(id, {"type": "cron", "second": "*/15"}, clock.starts_at, **bounds)

    # When four dispatchers work side by side, and none of them for long
    processes = start("worker", clock=clock, RESEND_AFTER_SECONDS="60", **WORK)
    processes.supervisor.keep("dispatch", "python -m tests.acceptance.dispatchers")
    eventually(lambda: Run.objects.filter(state="succeeded").count() >= JOBS * SLOTS, within=90, every=0.2)
    eventually(lambda: settled(queues), within=20)

    # Then each slot has its run, and each run was made once
    for id in ids:
        assert [run.slot for run in rows(id)] == grid(first, last, 15)
    made = Run.objects.filter(job_id__in=ids)
    assert made.count() == JOBS * SLOTS
    begun = Counter(note.run for id in ids for note in notes(queues, id, "began"))
    assert begun == {str(run): 1 for run in made.values_list("pk", flat=True)}
    assert set(made.values_list("state", "attempts", "covers")) == {("succeeded", 1, 1)}

    # And they did die
    assert capfd.readouterr().out.count("killed") > 50
