"""Jobs in code and in the table: declared, kept in step, checked, saved, and called."""

import inspect
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.utils import timezone
from dramatiq import Actor
from periodiq import cron

from tests.workers.conftest import Queues
from tests.workers.scheduled import NEVER_AGAIN, NOW, Does, fields, later, make_job, make_run, work
from workers import jobs, runs
from workers.broker import broker
from workers.jobs import add_job, current_run, job, keep_in_step
from workers.models import Run, ScheduledJob
from workers.triggers import CronTrigger, DateTrigger, IntervalTrigger

pytestmark = pytest.mark.django_db

FIVE = {"type": "cron", "hour": 5}
NEXT_FIVE = datetime(2026, 3, 10, 18, tzinfo=UTC)  # 05:00 in Sydney


@pytest.fixture(autouse=True)
def _a_code_of_its_own(monkeypatch: pytest.MonkeyPatch, queues: Queues) -> None:
    """Each test declares what it likes: it begins with no job declared, and takes its actors with it."""
    monkeypatch.setattr(jobs, "registry", dict(jobs.registry))
    monkeypatch.setattr(jobs, "declared", {})
    monkeypatch.setattr(broker(), "actors", dict(broker().actors))
    ScheduledJob.objects.all().delete()


def add_job_while_loading(*args: Any, **kwargs: Any) -> None:
    """As in `AppConfig.ready()`, when the apps are not ready yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apps, "ready", False)
        add_job(*args, **kwargs)


def declare(name: str = "nightly", **options: Any) -> Actor[..., Any]:
    def function(days: int = 1) -> None: ...

    function.__name__ = name
    return job(**options)(function)


def row(pk: str = "nightly") -> ScheduledJob:
    return ScheduledJob.objects.get(pk=pk)


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
        jobs._declare(jobs.Declared("nightly", "nightly", CronTrigger(hour=6)))


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


# --- check ------------------------------------------------------------------------------------------------


def cron_of(**given: Any) -> dict[str, Any]:
    return {"trigger": {"type": "cron", **given}}


def interval_of(**given: Any) -> dict[str, Any]:
    return {"trigger": {"type": "interval", **given}}


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "an actor not on the list": ({"actor": "os.system"}, "actor", "scheduled_job, work"),
    "an actor that is no job": ({"actor": "dispatch_due_jobs"}, "actor", "email_daily_digest"),
    "a missing argument": ({"actor": "needs_two", "kwargs": {"a": 1}}, "kwargs", "needs_two(a: int, b: int)"),
    "an unknown argument": ({"actor": "needs_two", "kwargs": {"c": 1}}, "kwargs", "needs_two(a: int, b: int)"),
    "too many arguments": ({"actor": "needs_two", "args": [1, 2, 3]}, "kwargs", "needs_two(a: int, b: int)"),
    "arguments that are no list": ({"args": {"a": 1}}, "args", '[1, "two"]'),
    "named arguments that are no object": ({"kwargs": [1]}, "kwargs", '{"days": 60}'),
    "an unknown type of trigger": ({"trigger": {"type": "lunar"}}, "trigger", "interval, cron or date"),
    "a trigger without a type": ({"trigger": {"hour": 5}}, "trigger", "interval, cron or date"),
    "a trigger that is no object": ({"trigger": "0 5 * * *"}, "trigger", '{"type": "cron", "hour": 5}'),
    "an unknown field": (cron_of(hours=5), "trigger", "year, month, day, week, day_of_week, hour"),
    "an empty cron": (cron_of(), "trigger", "hour: 5"),
    "an empty interval": (interval_of(), "trigger", "hours: 12"),
    "an interval of nothing": (interval_of(hours=0), "trigger", "hours: 12"),
    "a step of 0": (cron_of(minute="*/0"), "trigger", "a step is at least 1"),
    "minute 61": (cron_of(minute=61), "trigger", "from 0 to 59"),
    "a range upside down": (cron_of(hour="10-5"), "trigger", "from low to high"),
    "six fields": (cron_of(expression="0 0 5 * * *"), "trigger", "needs five"),
    "30 February": (cron_of(month=2, day=30), "trigger", "name one that exists"),
    "30 February as a crontab line": (cron_of(expression="0 5 30 2 *"), "trigger", "name one that exists"),
    "a year that is over": (cron_of(year=2025), "trigger", "give a later one"),
    "a date in the past": ({"trigger": NEVER_AGAIN}, "trigger", "give a time to come"),
    "a date that is none": ({"trigger": {"type": "date", "run_date": "soon"}}, "trigger", "2026-11-26T19:00"),
    "a date that is missing": ({"trigger": {"type": "date"}}, "trigger", "2026-11-26T19:00"),
    "an interval too fine": (interval_of(seconds=9), "trigger", "10 s is the least"),
    "a cron too fine": (cron_of(second="*/5"), "trigger", "10 s is the least"),
    "an unknown zone": ({"timezone": "Australia/Sidney"}, "timezone", "Australia/Sydney"),
    "no zone": ({"timezone": ""}, "timezone", "Australia/Sydney"),
    "an end before the start": ({"start_at": later(9), "end_at": later(8)}, "end_at", "give a later one"),
    "an end that leaves nothing": ({"end_at": later(1)}, "end_at", "give a later end_at"),
    "max_instances 0": ({"max_instances": 0}, "max_instances", "greater than or equal to 1"),
    "max_runs 0": ({"max_runs": 0}, "max_runs", "greater than or equal to 1"),
    "misfire_grace 0": ({"misfire_grace": 0}, "misfire_grace", "greater than or equal to 1"),
    "negative jitter": ({"jitter": -1}, "jitter", "a whole number from 0 up"),
    "an hour of jitter and more": ({"jitter": 3601}, "jitter", "less than or equal to 3600"),
    "an unknown policy": ({"catch_up": "never"}, "catch_up", "not a valid choice"),
    "an id that is no slug": ({"id": "a b"}, "id", "letters, numbers, underscores or hyphens"),
    "more than 64 KiB of arguments": ({"kwargs": {"a": "x" * 65_536}}, "kwargs", "65536 at most: pass an id"),
    "arguments in wide characters": ({"args": ["é" * 32_768]}, "kwargs", "65536 at most: pass an id"),
    "NaN": ({"args": [float("nan")]}, "kwargs", "JSON cannot hold"),
    "NUL": ({"args": ["a\0"]}, "kwargs", "JSON cannot hold"),
    "half a surrogate pair": ({"kwargs": {"a": "\ud800"}}, "kwargs", "JSON cannot hold"),
    "an object": ({"args": [NOW]}, "kwargs", "JSON cannot hold"),
}


@pytest.mark.parametrize(("wrong", "field", "fix"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_with_the_field_and_the_fix(
    wrong: dict[str, Any], field: str, fix: str, settings: Any
) -> None:
    def needs_two(a: int, b: int) -> None: ...

    settings.MIN_JOB_INTERVAL_SECONDS = 10
    job()(needs_two)
    good = {"id": "mine", "actor": "work", "trigger": FIVE}

    with pytest.raises(ValidationError) as refused:
        jobs.check(ScheduledJob(**{**good, **wrong}), NOW)

    assert set(refused.value.message_dict) == {field}
    assert fix in " ".join(refused.value.messages)


def test_every_wrong_field_is_named_at_once() -> None:
    with pytest.raises(ValidationError) as refused:
        jobs.check(ScheduledJob(id="mine", actor="gone", args=7, trigger={}), NOW)

    assert set(refused.value.message_dict) == {"actor", "args", "trigger"}


@pytest.mark.parametrize(
    "good",
    [
        FIVE,
        {"type": "cron", "expression": "0 5 * * mon-fri"},
        {"type": "cron", "second": "*/15"},
        {"type": "interval", "seconds": 10},
        {"type": "date", "run_date": "2026-11-26T19:00"},
    ],
    ids=str,
)
def test_each_trigger_is_accepted_and_nothing_is_written(good: dict[str, Any]) -> None:
    jobs.check(ScheduledJob(id="mine", actor="work", trigger=good, args=["Zoë", "a\\u0000"]), NOW)

    assert not ScheduledJob.objects.exists()


# --- save, pause, resume ----------------------------------------------------------------------------------


def saved(now: datetime = NOW, **given: Any) -> ScheduledJob:
    mine = ScheduledJob(**{"id": "mine", "actor": "work", "trigger": FIVE, **given})
    jobs.check(mine, now)
    jobs.save(mine, now)
    return row("mine")


def test_a_job_saved_for_the_first_time_knows_when_it_runs_next() -> None:
    assert saved().next_run_at == NEXT_FIVE


def test_an_interval_runs_one_interval_after_it_was_made() -> None:
    assert saved(trigger={"type": "interval", "hours": 3}).next_run_at == later(3 * 3600)


@pytest.mark.parametrize("off", [{"enabled": False}, {"paused_until": NEXT_FIVE}], ids=str)
def test_a_job_saved_while_it_is_off_waits_for_its_time(off: dict[str, Any]) -> None:
    mine = saved(**off)

    assert mine.next_run_at == (NEXT_FIVE + timedelta(days=1) if "paused_until" in off else None)


CHANGES: dict[str, Callable[[ScheduledJob], None]] = {
    "an edit": lambda mine: jobs.save(mine, NOW),
    "a pause": lambda mine: jobs.pause(mine, NOW),
    "a pause for a while": lambda mine: jobs.pause(mine, NOW, until=later(30)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_queued_ahead_is_dropped_and_history_is_kept(change: Callable[[ScheduledJob], None]) -> None:
    mine = saved(trigger={"type": "interval", "seconds": 30})
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
    mine = saved(kwargs={"n": 1})
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
    jobs.save(mine, NOW)

    assert [fields(run, "kwargs") for run in (late, waiting)] == [{"n": 2}] * 2
    assert [fields(run, "kwargs") for run in others] == [{}] * 5


@pytest.mark.django_db(transaction=True)
def test_a_message_sent_before_an_edit_is_called_with_what_the_edit_says(queues: Queues) -> None:
    mine, calls = saved(kwargs={"n": 1}, misfire_grace=86_400), []
    late = make_run(mine, slot=later(-60), kwargs={"n": 1}, due_at=timezone.now())
    runs.send([late], timezone.now())

    mine.kwargs = {"n": 2}
    jobs.save(mine, NOW)
    with Does(lambda **given: calls.append(given)):
        queues.work_off("default")

    assert calls == [{"n": 2}]


def test_resumed_a_job_runs_at_its_next_time_and_makes_up_for_nothing() -> None:
    mine = saved()
    jobs.pause(mine, NOW, because="too loud")
    assert (mine.enabled, mine.next_run_at, row("mine").paused_because) == (False, None, "too loud")

    jobs.resume(mine, NEXT_FIVE + timedelta(days=3, hours=1))

    assert row("mine").next_run_at == NEXT_FIVE + timedelta(days=4)
    assert (row("mine").enabled, row("mine").paused_because) == (True, "")


def test_paused_until_a_time_it_resumes_by_itself() -> None:
    mine = saved()

    jobs.pause(mine, NOW, until=NEXT_FIVE + timedelta(hours=1), because="too loud")

    assert row("mine").next_run_at == NEXT_FIVE + timedelta(days=1)
    assert not row("mine").is_on(NEXT_FIVE)
    assert row("mine").is_on(NEXT_FIVE + timedelta(hours=1))


def test_an_edit_that_changes_no_time_hides_no_slot_that_is_due() -> None:
    mine = saved()
    mine.max_instances = 2

    jobs.save(mine, NEXT_FIVE + timedelta(hours=2))

    assert row("mine").next_run_at == NEXT_FIVE


def test_an_edit_of_the_time_counts_from_now() -> None:
    mine = saved()
    mine.trigger = {"type": "cron", "hour": 6}

    jobs.save(mine, NEXT_FIVE + timedelta(minutes=2))

    assert row("mine").next_run_at == NEXT_FIVE + timedelta(hours=1)


def test_a_replacement_with_the_same_interval_does_not_shift_it() -> None:
    saved(trigger={"type": "interval", "hours": 3})

    again = saved(later(3600), trigger={"type": "interval", "hours": 3}, max_instances=2)

    assert (again.anchor, again.next_run_at) == (NOW, later(3 * 3600))


def test_runs_dropped_by_an_edit_do_not_count() -> None:
    mine = saved(max_runs=1, trigger={"type": "interval", "seconds": 30})
    make_run(mine, slot=later(30), due_at=later(30))
    ScheduledJob.objects.update(runs_begun=1, next_run_at=None)

    mine.misfire_grace = 30
    jobs.save(mine, NOW)

    assert (row("mine").runs_begun, row("mine").next_run_at) == (0, later(30))


def test_runs_that_a_tick_began_since_the_job_was_read_count() -> None:
    mine = saved(max_runs=2)
    ScheduledJob.objects.update(runs_begun=2, next_run_at=None)

    jobs.save(mine, NOW)

    assert (row("mine").runs_begun, row("mine").next_run_at) == (2, None)


# --- The run around the call ------------------------------------------------------------------------------


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
    return jobs._begin(message, datetime.fromisoformat(at) + timedelta(seconds=delay))


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

    claimed = jobs._begin(message, NOW)

    assert claimed == run
    assert jobs._begin(message, NOW) is None
    assert fields(run, "state", "attempts", "message_id") == ("running", 1, message.message_id)


def test_a_coroutine_is_refused_where_it_is_declared() -> None:
    async def nightly() -> None: ...

    with pytest.raises(TypeError, match="coroutine"):
        job()(nightly)


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


def test_a_plain_function_is_refused_by_name() -> None:
    with pytest.raises(ValidationError) as refused:
        add_job(print, trigger=CronTrigger(hour=5), id="nightly")  # type: ignore[arg-type]  # which is the point

    assert "@job" in str(refused.value.message_dict["func"])


def test_a_deleted_job_takes_its_runs_along() -> None:
    job = make_job(id="nightly")
    make_run(job=job)

    jobs.delete(job)

    assert not ScheduledJob.objects.filter(pk="nightly").exists()
    assert not Run.objects.exists()
