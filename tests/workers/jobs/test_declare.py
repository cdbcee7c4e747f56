"""Jobs declared in code, with `@job` and `add_job`, and the rows that follow them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.utils import timezone
from periodiq import cron

from tests.workers.jobs.conftest import declare, row
from tests.workers.scheduled import FIVE, NEXT_FIVE, NOW, later, make_job, make_run, work
from workers import jobs
from workers.broker import broker
from workers.jobs import add_job, job, keep_in_step
from workers.models import Run, ScheduledJob
from workers.triggers import CronTrigger, DateTrigger, IntervalTrigger

pytestmark = pytest.mark.django_db


def add_job_while_loading(*args: Any, **kwargs: Any) -> None:
    """As in `AppConfig.ready()`, when the apps are not ready yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apps, "ready", False)
        add_job(*args, **kwargs)


# --- @job -------------------------------------------------------------------------------------------------


def test_a_decorated_function_is_an_actor_that_may_be_scheduled() -> None:
    actor = declare(queue_name="clock", priority=3, time_limit=5000)

    assert jobs.registry["nightly"].actor is actor
    assert (actor.actor_name, actor.queue_name, actor.priority) == ("nightly", "clock", 3)
    assert actor.options["time_limit"] == 5000
    assert jobs.declared == {}


@pytest.mark.parametrize("queue", ["games", "mail"])
def test_a_queue_for_which_a_worker_has_no_connections_is_refused(queue: str) -> None:
    with pytest.raises(ValueError, match=f'"{queue}" is no queue for jobs: take default or clock'):
        declare(queue_name=queue)


def test_options_without_a_trigger_are_refused_rather_than_ignored() -> None:
    with pytest.raises(ValidationError) as refused:
        declare(max_instances=3)
    assert set(refused.value.message_dict) == {"max_instances"}


def test_dramatiq_itself_never_retries_a_job() -> None:
    assert declare().options["max_retries"] == 0


def test_a_trigger_or_a_periodiq_spec_schedules_it_under_its_own_name() -> None:
    declare("by_trigger", trigger=IntervalTrigger(hours=1), catch_up="all")
    by_periodiq = declare("by_periodiq", periodic=cron("0 5 * * *"))
    keep_in_step(NOW)

    assert (row("by_trigger").trigger, row("by_trigger").catch_up) == ({"type": "interval", "hours": 1}, "all")
    assert not row("by_trigger").by_periodiq
    assert row("by_periodiq").trigger == {"type": "cron", "expression": "0 5 * * *"}
    assert row("by_periodiq").by_periodiq
    assert str(by_periodiq.options["periodic"]) == "0 5 * * *"


@pytest.mark.parametrize("option", ["catchup", "max_retries", "max_age", "jitter", "id"])
def test_an_option_that_is_none_is_refused_rather_than_ignored(option: str) -> None:
    options: dict[str, Any] = {option: 1}
    with pytest.raises(ValidationError) as refused:
        declare(trigger=CronTrigger(hour=5), **options)

    assert set(refused.value.message_dict) == {option}
    assert "max_instances" in str(refused.value)


def test_two_jobs_of_one_name_in_the_code_are_refused() -> None:
    declare(trigger=CronTrigger(hour=5))

    with pytest.raises(ValidationError, match='declares a job "nightly" twice'):
        add_job_while_loading(work, CronTrigger(hour=6), "nightly")


def test_periodiq_cannot_count_so_it_takes_no_max_runs() -> None:
    declare(periodic=cron("0 5 * * *"), max_runs=3)

    with pytest.raises(ValidationError) as refused:
        keep_in_step(NOW)
    assert "trigger=" in refused.value.message_dict["max_runs"][0]


@pytest.mark.parametrize("arguments", [{"args": [60]}, {"kwargs": {"days": 60}}])
def test_periodiq_sends_no_arguments_so_it_takes_none(arguments: dict[str, Any]) -> None:
    declare(periodic=cron("0 5 * * *"), **arguments)

    with pytest.raises(ValidationError) as refused:
        keep_in_step(NOW)
    assert "`trigger`" in refused.value.message_dict["kwargs"][0]


def test_a_coroutine_is_refused_where_it_is_declared() -> None:
    async def nightly() -> None: ...

    with pytest.raises(TypeError, match="coroutine"):
        job()(nightly)


# --- add_job ----------------------------------------------------------------------------------------------


def test_before_the_apps_are_ready_a_job_is_only_registered_and_migrate_writes_it() -> None:
    add_job_while_loading(work, trigger=CronTrigger(hour=5), id="daily", max_instances=1, replace_existing=True)
    assert not ScheduledJob.objects.exists()

    keep_in_step(NOW)

    daily = row("daily")
    assert (daily.actor, daily.trigger, daily.timezone, daily.max_instances) == ("work", FIVE, "Australia/Sydney", 1)
    assert (daily.origin, daily.next_run_at) == ("code", NEXT_FIVE)


def test_before_the_apps_are_ready_an_id_is_taken_twice_only_to_replace_it() -> None:
    add_job_while_loading(work, CronTrigger(hour=5), "daily")
    with pytest.raises(ValidationError, match='declares a job "daily" twice'):
        add_job_while_loading(work, CronTrigger(hour=6), "daily")

    add_job_while_loading(work, CronTrigger(hour=6), "daily", replace_existing=True)
    keep_in_step(NOW)
    assert row("daily").trigger == {"type": "cron", "hour": 6}


def test_once_the_apps_are_ready_a_job_is_written_at_once_and_is_staffs() -> None:
    add_job(work, trigger=IntervalTrigger(minutes=5), id="often", args=(1,), kwargs={"two": 3}, max_instances=4)

    often = row("often")
    assert (often.args, often.kwargs, often.max_instances, often.origin) == ([1], {"two": 3}, 4, "staff")
    assert often.next_run_at
    assert abs(often.next_run_at - timezone.now() - timedelta(minutes=5)) < timedelta(seconds=60)


def test_an_existing_job_is_replaced_only_if_asked_and_keeps_its_history() -> None:
    add_job(work, trigger=CronTrigger(hour=5), id="daily", kwargs={"days": 1})
    run = make_run(row("daily"), "succeeded")

    with pytest.raises(ValidationError, match="replace_existing=True"):
        add_job(work, trigger=CronTrigger(hour=6), id="daily")
    assert row("daily").trigger == FIVE

    add_job(work, trigger=CronTrigger(hour=6), id="daily", replace_existing=True)
    assert (row("daily").trigger, row("daily").kwargs) == ({"type": "cron", "hour": 6}, {})
    assert row("daily").runs.get() == run


def test_a_job_of_the_code_is_not_taken_over_at_run_time() -> None:
    declare(trigger=CronTrigger(hour=5))
    keep_in_step(NOW)

    with pytest.raises(ValidationError, match='The code declares a job "nightly"'):
        add_job(work, trigger=CronTrigger(hour=6), id="nightly", replace_existing=True)
    assert (row().origin, row().trigger) == ("code", FIVE)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"trigger": DateTrigger("2020-01-01")}, "trigger"),
        ({"kwargs": {"when": NOW}}, "kwargs"),
        ({"max_instances": 0}, "max_instances"),
        ({"misfire_grace_time": 5}, "misfire_grace_time"),
        ({"id": "no slug"}, "id"),
    ],
)
def test_add_job_checks_as_everything_else_does(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        add_job(work, **{"trigger": CronTrigger(hour=5), "id": "daily", **wrong})

    assert set(refused.value.message_dict) == {field}
    assert not ScheduledJob.objects.exists()


def test_a_plain_function_is_refused_by_name() -> None:
    with pytest.raises(ValidationError) as refused:
        add_job(print, trigger=CronTrigger(hour=5), id="nightly")  # type: ignore[arg-type]  # which is the point

    assert "@job" in str(refused.value.message_dict["func"])


# --- keep_in_step -----------------------------------------------------------------------------------------


def redeclare(**options: Any) -> None:
    """The next version of the code."""
    jobs.declared.clear()
    broker().actors.pop("nightly", None)
    declare(**options)


def test_a_job_new_in_the_code_is_added() -> None:
    declare(trigger=CronTrigger(hour=5, start_date="2026-04-01", jitter=30), max_runs=7, kwargs={"days": 2})
    keep_in_step(NOW)

    nightly = row()
    assert (nightly.origin, nightly.trigger, nightly.kwargs, nightly.max_runs) == ("code", FIVE, {"days": 2}, 7)
    assert (nightly.start_at, nightly.jitter) == (datetime(2026, 3, 31, 13, tzinfo=UTC), 30)
    assert nightly.next_run_at == datetime(2026, 3, 31, 18, tzinfo=UTC)


def test_a_job_changed_in_the_code_is_updated_and_what_was_queued_ahead_is_dropped() -> None:
    declare(trigger=CronTrigger(hour=5), catch_up="all")
    keep_in_step(NOW)
    ahead = make_run(row(), slot=later(60))

    redeclare(trigger=CronTrigger(hour=6))
    keep_in_step(NOW)

    assert (row().trigger, row().catch_up) == ({"type": "cron", "hour": 6}, "latest")
    assert row().next_run_at == NEXT_FIVE + timedelta(hours=1)
    assert not Run.objects.filter(pk=ahead.pk).exists()


def test_a_deploy_that_changes_nothing_of_a_job_leaves_alone_what_is_queued_of_it() -> None:
    declare(trigger=IntervalTrigger(seconds=10))
    keep_in_step(NOW)
    ScheduledJob.objects.update(next_run_at=later(100))
    ahead = make_run(row(), slot=later(60))

    redeclare(trigger=IntervalTrigger(seconds=10))
    keep_in_step(later(5))

    assert Run.objects.filter(pk=ahead.pk).exists()
    assert row().next_run_at == later(100)


def test_a_job_gone_from_the_code_is_retired_and_its_history_kept() -> None:
    declare(trigger=CronTrigger(hour=5))
    keep_in_step(NOW)
    run = make_run(row(), "succeeded")

    jobs.declared.clear()
    keep_in_step(NOW)

    assert (row().retired, row().next_run_at) == (True, None)
    assert row().runs.get() == run
    assert not ScheduledJob.objects.running_at(NOW).exists()


def test_a_job_that_comes_back_is_no_longer_retired() -> None:
    declare(trigger=CronTrigger(hour=5))
    keep_in_step(NOW)
    ScheduledJob.objects.update(retired=True, next_run_at=None)

    keep_in_step(NOW)

    assert (row().retired, row().next_run_at) == (False, NEXT_FIVE)


@pytest.mark.parametrize("hour", [5, 6], ids=["unchanged", "changed"])
def test_a_deploy_ends_no_pause(hour: int) -> None:
    declare(trigger=CronTrigger(hour=5))
    keep_in_step(NOW)
    jobs.pause(row(), NOW, because="too loud")

    redeclare(trigger=CronTrigger(hour=hour))
    keep_in_step(later(60))

    assert (row().enabled, row().next_run_at, row().paused_because) == (False, None, "too loud")


def test_a_deploy_touches_no_job_of_staff() -> None:
    theirs = make_job(id="theirs", next_run_at=later(60))
    same_name = make_job(id="nightly", trigger=EIGHT)
    before = list(ScheduledJob.objects.values())

    declare(trigger=CronTrigger(hour=5))
    keep_in_step(NOW)

    assert list(ScheduledJob.objects.values()) == before
    assert {theirs.pk, same_name.pk} == {"theirs", "nightly"}


EIGHT = {"type": "cron", "hour": 8}


def test_that_staff_took_an_id_first_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    make_job(id="nightly")
    declare(trigger=CronTrigger(hour=5))

    keep_in_step(NOW)

    assert "give yours another id" in caplog.text


@pytest.mark.parametrize("options", [{}, {"catch_up": "skip"}], ids=["unchanged", "another policy"])
def test_a_deploy_shifts_no_interval(options: dict[str, Any]) -> None:
    declare(trigger=IntervalTrigger(hours=12))
    keep_in_step(NOW)

    redeclare(trigger=IntervalTrigger(hours=12), **options)
    keep_in_step(later(3600))

    assert (row().anchor, row().next_run_at) == (NOW, later(12 * 3600))


def test_a_new_interval_counts_from_the_deploy() -> None:
    declare(trigger=IntervalTrigger(hours=12))
    keep_in_step(NOW)

    redeclare(trigger=IntervalTrigger(hours=6))
    keep_in_step(later(3600))

    assert (row().anchor, row().next_run_at) == (later(3600), later(7 * 3600))


@pytest.mark.parametrize("options", [{}, {"catch_up": "all"}], ids=["unchanged", "another policy"])
def test_a_deploy_hides_no_slot_that_was_missed(options: dict[str, Any]) -> None:
    declare(trigger=CronTrigger(hour=5))
    keep_in_step(NOW)

    redeclare(trigger=CronTrigger(hour=5), **options)
    keep_in_step(NEXT_FIVE + timedelta(hours=6))

    assert row().next_run_at == NEXT_FIVE


def test_a_job_of_the_code_whose_date_has_passed_is_finished_and_not_wrong() -> None:
    declare(trigger=DateTrigger("2026-03-10T12:00"))

    keep_in_step(NOW)

    assert (row().enabled, row().next_run_at) == (True, None)


def test_a_job_wrong_in_the_code_stops_the_deploy_and_nothing_is_written() -> None:
    declare("sound", trigger=CronTrigger(hour=5))
    declare("wrong", trigger=CronTrigger(hour=5), kwargs={"weeks": 1})

    with pytest.raises(ValidationError, match="weeks"):
        keep_in_step(NOW)
    assert not ScheduledJob.objects.exists()
