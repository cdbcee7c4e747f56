"""Pausing a job, and letting it go on."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from tests.workers.jobs.conftest import row
from tests.workers.scheduled import NEXT_FIVE, NOW, make_job, save_job
from workers import jobs
from workers.models import ScheduledJob

pytestmark = pytest.mark.django_db


def test_resumed_a_job_runs_at_its_next_time_and_makes_up_for_nothing() -> None:
    mine = save_job()
    jobs.pause(mine, NOW, because="too loud")
    assert (mine.enabled, mine.next_run_at, row("mine").paused_because) == (False, None, "too loud")

    jobs.resume(mine, NEXT_FIVE + timedelta(days=3, hours=1))

    assert row("mine").next_run_at == NEXT_FIVE + timedelta(days=4)
    assert (row("mine").enabled, row("mine").paused_because) == (True, "")


def test_paused_until_a_time_it_resumes_by_itself() -> None:
    mine = save_job()

    jobs.pause(mine, NOW, until=NEXT_FIVE + timedelta(hours=1), because="too loud")

    assert row("mine").next_run_at == NEXT_FIVE + timedelta(days=1)
    assert not row("mine").is_on(NEXT_FIVE)
    assert row("mine").is_on(NEXT_FIVE + timedelta(hours=1))


def test_a_job_that_would_only_be_paused_again_is_not_resumed() -> None:
    make_job(actor="gone", enabled=False)

    with pytest.raises(ValidationError) as refused:
        jobs.resume(ScheduledJob.objects.get(), NOW)

    assert list(refused.value.message_dict) == ["actor"]
    assert not ScheduledJob.objects.get().enabled


def test_what_another_wrote_meanwhile_is_not_undone_by_a_pause() -> None:
    make_job(id="nightly")
    read_earlier = ScheduledJob.objects.get(pk="nightly")
    ScheduledJob.objects.filter(pk="nightly").update(trigger={"type": "cron", "hour": 6})

    jobs.pause(read_earlier, NOW)

    assert (row().enabled, row().trigger) == (False, {"type": "cron", "hour": 6})
