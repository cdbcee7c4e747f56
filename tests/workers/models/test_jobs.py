"""Saving a job plans it anew, and deleting it takes its runs along."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone

from tests.workers.conftest import Queues
from tests.workers.scheduled import FIVE, NEXT_FIVE, NOW, Does, fields, later, make_job, make_run, save_job
from workers import jobs, runs
from workers.models import Run, ScheduledJob

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_other_jobs(queues: Queues) -> None:
    ScheduledJob.objects.all().delete()


def row(pk: str = "mine") -> ScheduledJob:
    return ScheduledJob.objects.get(pk=pk)


def test_a_job_saved_for_the_first_time_knows_when_it_runs_next() -> None:
    assert save_job().next_run_at == NEXT_FIVE


def test_an_interval_runs_one_interval_after_it_was_made() -> None:
    assert save_job(trigger={"type": "interval", "hours": 3}).next_run_at == later(3 * 3600)


@pytest.mark.parametrize("off", [{"enabled": False}, {"paused_until": NEXT_FIVE}], ids=str)
def test_a_job_saved_while_it_is_off_waits_for_its_time(off: dict[str, Any]) -> None:
    mine = save_job(**off)

    assert mine.next_run_at == (NEXT_FIVE + timedelta(days=1) if "paused_until" in off else None)


CHANGES: dict[str, Callable[[ScheduledJob], None]] = {
    "an edit": lambda mine: mine.save(now=NOW),
    "a pause": lambda mine: jobs.pause(mine, NOW),
    "a pause for a while": lambda mine: jobs.pause(mine, NOW, until=later(30)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_queued_ahead_is_dropped_and_history_is_kept(change: Callable[[ScheduledJob], None]) -> None:
    mine = save_job(trigger={"type": "interval", "seconds": 30})
    ahead = [
        make_run(mine, slot=later(30), due_at=later(30)),
        make_run(mine, slot=later(60), due_at=later(60), cause="catch_up"),
    ]
    kept = [
        make_run(mine, slot=later(-60)),  # late, but its time had come
        make_run(mine, slot=later(-30), cause="catch_up"),
        make_run(mine, slot=later(31), attempts=1),  # it has begun, and is tried again
        make_run(mine, cause="manual"),
        make_run(mine, cause="retry"),
        make_run(mine, "running", slot=later(32)),
        *(make_run(mine, state, slot=later(n)) for n, state in enumerate(("succeeded", "failed", "skipped"), 90)),
        make_run(make_job(), slot=later(30)),
    ]

    change(mine)

    assert set(Run.objects.all()) == set(kept)
    assert not set(Run.objects.all()) & set(ahead)


def test_a_run_that_is_late_starts_with_the_arguments_of_the_last_edit() -> None:
    mine = save_job(kwargs={"n": 1})
    late = make_run(mine, slot=later(-60), due_at=later(600), kwargs={"n": 1})
    waiting = make_run(mine, slot=later(-90), cause="catch_up", kwargs={"n": 1})
    others = [
        make_run(mine, slot=later(-30), actor="another"),  # its message is to that one
        make_run(mine, slot=later(-31), attempts=1),
        make_run(mine, "running", slot=later(-32)),
        make_run(mine, cause="manual"),
        make_run(make_job(), slot=later(-60)),
    ]

    mine.kwargs = {"n": 2}
    mine.save(now=NOW)

    assert [fields(run, "kwargs") for run in (late, waiting)] == [{"n": 2}] * 2
    assert [fields(run, "kwargs") for run in others] == [{}] * 5


@pytest.mark.django_db(transaction=True)
def test_a_message_sent_before_an_edit_is_called_with_what_the_edit_says(queues: Queues) -> None:
    mine, calls = save_job(kwargs={"n": 1}, misfire_grace=86_400), []
    late = make_run(mine, slot=later(-60), kwargs={"n": 1}, due_at=timezone.now())
    runs.send([late], timezone.now())

    mine.kwargs = {"n": 2}
    mine.save(now=NOW)
    with Does(lambda **given: calls.append(given)):
        queues.work_off("default")

    assert calls == [{"n": 2}]


def test_an_edit_that_changes_no_time_hides_no_slot_that_is_due() -> None:
    mine = save_job()
    mine.max_instances = 2

    mine.save(now=NEXT_FIVE + timedelta(hours=2))

    assert row("mine").next_run_at == NEXT_FIVE


def test_an_edit_of_the_time_counts_from_now() -> None:
    mine = save_job()
    mine.trigger = {"type": "cron", "hour": 6}

    mine.save(now=NEXT_FIVE + timedelta(minutes=2))

    assert row("mine").next_run_at == NEXT_FIVE + timedelta(hours=1)


def test_a_replacement_with_the_same_interval_does_not_shift_it() -> None:
    replaced = save_job(trigger={"type": "interval", "hours": 3})
    replaced.trigger, replaced.max_instances = {"type": "interval", "hours": 3}, 2

    replaced.save(now=later(3600))

    assert (row().anchor, row().next_run_at) == (NOW, later(3 * 3600))


def test_runs_dropped_by_an_edit_do_not_count() -> None:
    mine = save_job(max_runs=1, trigger={"type": "interval", "seconds": 30})
    make_run(mine, slot=later(30), due_at=later(30))
    ScheduledJob.objects.update(runs_begun=1, next_run_at=None)

    mine.misfire_grace = 30
    mine.save(now=NOW)

    assert (row("mine").runs_begun, row("mine").next_run_at) == (0, later(30))


def test_runs_that_a_tick_began_since_the_job_was_read_count() -> None:
    mine = save_job(max_runs=2)
    ScheduledJob.objects.update(runs_begun=2, next_run_at=None)

    mine.save(now=NOW)

    assert (row("mine").runs_begun, row("mine").next_run_at) == (2, None)


@pytest.mark.django_db(transaction=True)
def test_what_staff_saved_does_not_wait_for_the_next_tick(queues: Queues) -> None:
    job = make_job(trigger={"type": "interval", "seconds": 30}, next_run_at=None)

    job.save(now=NOW)

    slots = list(Run.objects.filter(job=job).order_by("slot").values_list("slot", flat=True))
    assert slots == [NOW + timedelta(seconds=after) for after in (30, 60, 90)]


def test_a_job_is_planned_however_django_saves_it() -> None:
    made = ScheduledJob.objects.create(id="mine", actor="work", trigger={"type": "interval", "hours": 3})
    assert made.next_run_at == row().next_run_at == made.parsed_trigger().next_fire(made.anchor)

    made.enabled = False
    made.save(update_fields=["enabled"])
    assert (row().enabled, row().next_run_at) == (False, None)

    again, _ = ScheduledJob.objects.update_or_create(id="mine", defaults={"enabled": True})
    assert again.next_run_at is not None
    assert again.next_run_at == row().next_run_at


def test_an_id_that_another_job_has_taken_is_refused_and_that_one_is_as_it_was() -> None:
    mine = save_job(trigger={"type": "interval", "seconds": 30})
    ahead = make_run(mine, slot=later(30))

    with pytest.raises(ValidationError) as refused:
        ScheduledJob.objects.create(id="mine", actor="work", trigger=FIVE)

    assert refused.value.message_dict == {"id": ['There is a job "mine" already: take another id.']}
    assert row().trigger == {"type": "interval", "seconds": 30}
    assert Run.objects.get() == ahead


def test_what_the_database_refuses_otherwise_is_said_as_it_is() -> None:
    with pytest.raises(IntegrityError, match="job_max_instances"):
        ScheduledJob.objects.create(id="mine", actor="work", trigger=FIVE, max_instances=0)


def test_a_deleted_job_takes_its_runs_along() -> None:
    job = make_job(id="nightly")
    make_run(job=job)

    job.delete()

    assert not ScheduledJob.objects.filter(pk="nightly").exists()
    assert not Run.objects.exists()


def test_a_new_job_never_takes_the_place_of_another_that_has_its_id() -> None:
    mine = save_job()
    late = ScheduledJob(id=mine.pk, actor="work", trigger={"type": "interval", "hours": 1})

    with pytest.raises(ValidationError, match="take another id"):
        late.save(now=NOW)
    assert row().trigger == FIVE


def test_a_save_of_some_fields_goes_by_what_others_have_written_to_the_rest() -> None:
    stale = save_job()
    hourly = row()
    hourly.trigger = {"type": "interval", "hours": 1}
    hourly.save(now=NOW)

    stale.misfire_grace = 30
    stale.save(update_fields=["misfire_grace"], now=NOW)

    saved = row()
    assert (saved.misfire_grace, saved.trigger, saved.next_run_at) == (30, hourly.trigger, later(3600))
