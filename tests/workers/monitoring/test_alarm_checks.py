"""Each kind of trouble: when it is one, what is said of it, and where to look."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail

from events.models import Venue
from tests.factories import make_game
from tests.workers.conftest import Queues
from tests.workers.monitoring.incidents import ended, failed, told, told_at, usually
from tests.workers.scheduled import NOW, Does, later, make_job, make_run
from workers import dispatch, runs
from workers.models import Clock, Run, ScheduledJob
from workers.monitoring import alarms

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_call")]

# --- Each kind --------------------------------------------------------------------------------------------


def test_a_job_that_failed_for_good_is_told_by_its_name_with_the_error() -> None:
    run = failed("pay-dealers", NOW)

    alarms.tell_troubles(NOW)

    (message,) = mail.outbox
    assert message.subject == "[poker] Job pay-dealers failed for good after 3 attempts."
    assert message.to == ["oncall@example.com"]
    assert "ValueError: no luck" in message.body
    assert str(run.pk) in message.body


def test_a_run_is_told_at_its_last_attempt_and_not_before(queues: Queues) -> None:
    job = make_job(id="pay-dealers")

    def refuse() -> None:
        raise ValueError("no luck")

    with Does(refuse):
        run = runs.ask("work", [], {}, job=job, by="ann", now=NOW)
        for attempt in range(runs.MAX_ATTEMPTS):
            assert told_at(NOW) == []
            claimed = runs.claim(run.pk, attempt, "message", NOW)
            assert claimed
            runs.fail(claimed, ValueError("no luck"), NOW)

    assert told_at(NOW) == ["Job pay-dealers failed for good after 3 attempts."]


def test_a_failure_of_an_actor_without_a_job_is_told_by_the_name_of_the_actor() -> None:
    make_run(None, "failed", error="ValueError: no luck")

    (subject,) = told_at(NOW)
    assert subject.startswith("Job work failed for good")


def test_a_run_whose_actor_has_gone_is_told_with_the_reason() -> None:
    make_run(actor="gone", enqueued_at=None, due_at=NOW - timedelta(hours=2))
    runs.resend(NOW)

    alarms.tell_troubles(NOW)

    assert "the code has no actor gone any more" in mail.outbox[0].body


def test_the_failure_of_a_job_that_the_code_no_longer_declares_is_over() -> None:
    failed("pay-dealers", NOW)
    ScheduledJob.objects.update(retired=True)

    assert told_at(NOW) == []


def test_a_game_that_cannot_be_generated_is_told_by_its_id_and_name_with_the_error() -> None:
    game = make_game(name="Thursday NLHE", generation_error="GenerationError: no zone")

    alarms.tell_troubles(NOW)

    (message,) = mail.outbox
    assert message.subject == f"[poker] Game {game.pk} (Thursday NLHE) cannot be generated."
    assert "GenerationError: no zone" in message.body


@pytest.mark.parametrize("where", [{"status": "paused"}, {"status": "archived"}, {"closed": True}])
def test_a_game_that_nobody_wants_generated_is_not_told(where: dict[str, Any]) -> None:
    closed = where.pop("closed", False)
    game = make_game(generation_error="GenerationError: no zone", **where)
    Venue.objects.filter(pk=game.venue_id).update(active=not closed)

    assert told_at(NOW) == []


@pytest.mark.parametrize(
    ("catch_up", "made_good"),
    [
        ("skip", "Not made good: its catch_up is skip."),
        ("latest", "A run is to make it good:"),
        ("all", "A run is to make it good:"),
    ],
)
def test_missed_slots_are_told_once_a_job_with_what_is_made_of_them(catch_up: str, made_good: str) -> None:
    make_job(id="pay-dealers", catch_up=catch_up, next_run_at=later(-600))
    make_job(id="another")
    dispatch.dispatch_due(NOW)

    alarms.tell_troubles(NOW)

    (message,) = mail.outbox
    assert (
        message.subject
        == "[poker] Job pay-dealers missed 9 of its times, the last 2026-03-10 01:58:00 UTC (Tue 12:58:00 AEDT)."
    )
    last = Run.objects.get(job="pay-dealers", slot=later(-120))
    assert f"{made_good}\nhttps://localhost/admin/workers/run/{last.pk}/change/\n" in message.body


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("succeeded", "Made good at 2026-03-10 02:00:00 UTC (Tue 13:00:00 AEDT)."),
        ("failed", "Not made good: ValueError: no luck"),
        ("skipped", "Not made good: the job was paused"),
    ],
)
def test_a_slot_that_was_seen_to_late_is_told_with_how_it_went(state: str, said: str) -> None:
    ended("pay-dealers", "succeeded", later(60))  # so that the job itself does not fail
    why = {"failed": {"error": "ValueError: no luck"}, "skipped": {"reason": "the job was paused"}}.get(state, {})
    ended("pay-dealers", state, NOW, slot=later(-600), cause="catch_up", **why)

    alarms.tell_troubles(later(60))

    assert said in mail.outbox[0].body


def test_a_slot_whose_turn_came_too_late_is_told() -> None:
    job = make_job(id="pay-dealers", catch_up="skip")
    run = make_run(job, slot=later(-10_800), created_at=later(-10_800), due_at=later(-10_800))
    assert runs.claim(run.pk, 0, "message", NOW) is None

    assert told_at(NOW) == ["Job pay-dealers missed its time 2026-03-09 23:00:00 UTC (Tue 10:00:00 AEDT)."]


def test_slots_that_ran_or_were_skipped_for_overlap_are_not_told() -> None:
    job = make_job()
    make_run(job, "succeeded", slot=later(-120))
    make_run(job, "skipped", slot=later(-60))

    assert told_at(NOW) == []


def test_a_run_that_takes_three_times_as_long_as_usual_is_told_with_what_is_usual() -> None:
    job = make_job(id="pay-dealers")
    usually(200, job)
    usually(1, make_job())  # another job of the same actor says nothing about this one
    run = make_run(job, "running", started_at=NOW)

    assert told_at(later(600)) == []
    alarms.tell_troubles(later(601))

    (message,) = mail.outbox
    assert message.subject.startswith("[poker] Job pay-dealers ")
    assert "it usually takes 200 s" in message.body
    assert str(run.pk) in message.body


def test_a_run_of_less_than_five_minutes_never_overruns_nor_does_the_first_of_its_job() -> None:
    quick = make_job()
    usually(1, quick)
    make_run(quick, "running", started_at=NOW)
    make_run(make_job(), "running", started_at=later(-80_000))

    assert told_at(later(300)) == []
    assert len(told_at(later(301))) == 1


def test_a_clock_that_has_stopped_is_told_by_who_looks_at_it() -> None:
    Clock.objects.create(pk=1, last_tick=NOW)

    alarms.tell_clock_troubles(later(150))
    assert told() == []

    alarms.tell_clock_troubles(later(151))
    assert told() == ["The clock has stopped: no tick for 151 s."]


def test_a_clock_that_never_ticked_is_starting_and_not_told() -> None:
    alarms.tell_clock_troubles(NOW)

    assert told() == []


# --- Where to look ------------------------------------------------------------------------------------------


def test_each_alarm_says_where_to_look(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["poker.example.com", "localhost"]
    run = failed("pay-dealers", NOW)
    game = make_game(generation_error="GenerationError: no zone")
    slow = make_job(id="slow")
    usually(1, slow)
    overrun = make_run(slow, "running", started_at=later(-400))
    Clock.objects.create(pk=1, last_tick=later(-151))

    alarms.tell_troubles(NOW)
    alarms.tell_clock_troubles(NOW)

    told = "".join(str(message.body) for message in mail.outbox)
    for path in (
        f"workers/run/{run.pk}/change/",
        f"events/game/{game.pk}/change/",
        f"workers/run/{overrun.pk}/change/",
    ):
        assert f"\nhttps://poker.example.com/admin/{path}\n" in told
    assert "\nhttps://poker.example.com/admin/\n" in told


@pytest.mark.parametrize("values", [{"ALLOWED_HOSTS": [".example.com"]}, {"ALLOWED_HOSTS": ["*"]}, {"DEBUG": True}])
def test_where_no_host_is_known_the_path_must_do(settings: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(settings, name, value)
    run = failed("pay-dealers", NOW)

    alarms.tell_troubles(NOW)

    assert f"\n/admin/workers/run/{run.pk}/change/\n" in mail.outbox[0].body
