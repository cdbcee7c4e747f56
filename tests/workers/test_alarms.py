"""What is told by mail: each kind of trouble, once per incident, and not lost when mail is."""

import logging
import smtplib
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import OperationalError
from dramatiq import Worker

from events.models import Game, Venue
from server import settings as read
from tests.factories import make_game, make_games
from tests.waiting import eventually
from tests.workers.conftest import Queues
from tests.workers.scheduled import NOW, Does, at_once, fields, later, make_job, make_run
from workers import alarms, dispatch, facts, runs, tick
from workers.broker import broker
from workers.models import Clock, Incident, Run, ScheduledJob
from workers.watch import LOOKS, ClockWatch

pytestmark = pytest.mark.django_db

IN_THREADS = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _settings(settings: Any, queues: Queues) -> None:
    settings.ADMINS = [("On call", "oncall@example.com")]
    settings.TICK_OVERDUE_SECONDS = 150


def told() -> list[str]:
    """The subjects of the mails since this was last asked."""
    subjects = [each.subject.removeprefix("[poker] ") for each in mail.outbox]
    mail.outbox.clear()
    return subjects


def told_at(now: datetime) -> list[str]:
    alarms.look(now)
    return told()


def failed(name: str, at: datetime, **values: Any) -> Run:
    """A run of the job `name`, made if need be, that failed for good."""
    return ended(name, "failed", at, **{"error": "Traceback …\nValueError: no luck\n", "attempts": 3, **values})


def ended(name: str, state: str, at: datetime, **values: Any) -> Run:
    job = ScheduledJob.objects.filter(pk=name).first() or make_job(id=name)
    return make_run(job, state, **{"created_at": at, "started_at": at, "finished_at": at, **values})


# --- Each kind --------------------------------------------------------------------------------------------


def test_without_trouble_nothing_is_told() -> None:
    make_run(make_job(), "succeeded")
    make_game()

    assert told_at(NOW) == []
    assert not Incident.objects.exists()


def test_a_job_that_failed_for_good_is_told_by_its_name_with_the_error() -> None:
    run = failed("pay-dealers", NOW)

    alarms.look(NOW)

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

    alarms.look(NOW)

    assert "the code has no actor gone any more" in mail.outbox[0].body


def test_the_failure_of_a_job_that_the_code_no_longer_declares_is_over() -> None:
    failed("pay-dealers", NOW)
    ScheduledJob.objects.update(retired=True)

    assert told_at(NOW) == []


def test_a_game_that_cannot_be_generated_is_told_by_its_id_and_name_with_the_error() -> None:
    game = make_game(name="Thursday NLHE", generation_error="GenerationError: no zone")

    alarms.look(NOW)

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

    alarms.look(NOW)

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

    alarms.look(later(60))

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


def usually(seconds: float, job: Any) -> None:
    for n in range(3):
        make_run(job, "succeeded", started_at=later(-90_000 - n), finished_at=later(-90_000 - n + seconds))


def test_a_run_that_takes_three_times_as_long_as_usual_is_told_with_what_is_usual() -> None:
    job = make_job(id="pay-dealers")
    usually(200, job)
    usually(1, make_job())  # another job of the same actor says nothing about this one
    run = make_run(job, "running", started_at=NOW)

    assert told_at(later(600)) == []
    alarms.look(later(601))

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

    alarms.look_at_clock(later(150))
    assert told() == []

    alarms.look_at_clock(later(151))
    assert told() == ["The clock has stopped: no tick for 151 s."]


def test_a_clock_that_has_stopped_is_told_within_three_minutes_unless_set_otherwise() -> None:
    assert read.TICK_OVERDUE_SECONDS * (1 + 1 / LOOKS) < 180


def test_a_clock_that_never_ticked_is_starting_and_not_told() -> None:
    alarms.look_at_clock(NOW)

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

    alarms.look(NOW)
    alarms.look_at_clock(NOW)

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

    alarms.look(NOW)

    assert f"\n/admin/workers/run/{run.pk}/change/\n" in mail.outbox[0].body


# --- Once per incident ------------------------------------------------------------------------------------


def test_a_job_is_told_again_when_it_fails_after_it_had_succeeded_and_not_before() -> None:
    failed("pay-dealers", NOW)
    assert len(told_at(NOW)) == 1

    ended("pay-dealers", "skipped", later(60))
    failed("pay-dealers", later(120))
    assert told_at(later(120)) == []

    ended("pay-dealers", "succeeded", later(180))
    assert told_at(later(180)) == []

    failed("pay-dealers", later(240))
    assert len(told_at(later(240))) == 1
    assert Incident.objects.filter(closed_at=None).count() == 1


def test_a_failure_beside_a_success_that_began_later_is_still_told() -> None:
    failed("pay-dealers", later(600), created_at=NOW)
    ended("pay-dealers", "succeeded", later(60))

    assert len(told_at(later(600))) == 1


def test_a_game_is_told_again_when_it_fails_after_it_was_mended() -> None:
    game = make_game(generation_error="GenerationError: no zone")
    mine = Game.objects.filter(pk=game.pk)
    assert len(told_at(NOW)) == 1

    mine.update(generation_error="GenerationError: another")
    assert told_at(later(60)) == []

    mine.update(generation_error="")
    assert told_at(later(120)) == []

    mine.update(generation_error="GenerationError: no zone")
    assert len(told_at(later(180))) == 1


def test_a_job_that_keeps_missing_is_told_once_and_the_next_night_again() -> None:
    for seconds in (0, 3600, 7200):
        ended("pay-dealers", "misfired", later(seconds), slot=later(seconds - 100))
        assert len(told_at(later(seconds))) == (seconds == 0)

    assert told_at(NOW + DAY - MINUTE) == []  # over
    ended("pay-dealers", "misfired", NOW + DAY, slot=NOW + DAY - MINUTE)
    assert len(told_at(NOW + DAY)) == 1


def test_a_run_that_overran_and_ended_is_over() -> None:
    job = make_job()
    usually(1, job)
    run = make_run(job, "running", started_at=NOW)
    assert len(told_at(later(400))) == 1

    Run.objects.filter(pk=run.pk).update(state="succeeded", finished_at=later(420))
    alarms.look(later(460))

    assert Incident.objects.get().closed_at == later(460)


def test_the_clock_is_told_once_until_a_tick_and_then_anew() -> None:
    Clock.objects.create(pk=1, last_tick=NOW)
    for seconds in (200, 230, 260):
        alarms.look_at_clock(later(seconds))
    assert len(told()) == 1

    tick.tick(later(300))
    assert Incident.objects.get().closed_at == later(300)

    alarms.look_at_clock(later(600))
    assert len(told()) == 1


def test_many_troubles_make_one_mail_that_names_fifty_of_them() -> None:
    make_games(60, generation_error="GenerationError: no zone")
    failed("pay-dealers", NOW)

    alarms.look(NOW)

    (message,) = mail.outbox
    assert message.subject.endswith("(and 60 more)")
    assert message.body.count("Noticed") == 50
    assert "And 11 more." in message.body
    mail.outbox.clear()
    assert told_at(later(60)) == []


@IN_THREADS
def test_two_processes_that_look_at_once_tell_once() -> None:
    Clock.objects.create(pk=1, last_tick=NOW)

    for n in range(1, 11):
        at = later(1000 * n)
        at_once(*[lambda at=at: alarms.look_at_clock(at)] * 4)
        alarms.look_at_clock(at)
        assert len(told()) == 1
        alarms.look(at)


@IN_THREADS
def test_while_one_process_is_sending_another_neither_waits_nor_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock.objects.create(pk=1, last_tick=NOW)
    sending, may_go_on, sent = threading.Event(), threading.Event(), []

    def slow(*args: Any) -> None:
        sent.append(args)
        sending.set()
        assert may_go_on.wait(10)

    def meanwhile() -> None:
        assert sending.wait(10)
        alarms.look_at_clock(later(230))
        may_go_on.set()

    monkeypatch.setattr(alarms, "mail_admins", slow)
    at_once(lambda: alarms.look_at_clock(later(200)), meanwhile)

    assert len(sent) == 1


# --- Not lost, and in nobody's way ------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ConnectionRefusedError("refused"), smtplib.SMTPServerDisconnected(), ValueError()])
def test_an_alarm_that_mail_did_not_take_is_told_a_minute_later(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def down(*args: Any) -> None:
        raise error

    failed("pay-dealers", NOW)
    with monkeypatch.context() as patch:
        patch.setattr(alarms, "mail_admins", down)
        alarms.look(NOW)
    assert "could not be sent" in caplog.text
    assert Incident.objects.get().told_at is None

    assert len(told_at(later(60))) == 1
    assert told_at(later(120)) == []


def test_an_alarm_that_was_over_before_mail_came_back_is_told_with_when(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*args: Any) -> None:
        raise OSError("down")

    failed("pay-dealers", NOW)
    with monkeypatch.context() as patch:
        patch.setattr(alarms, "mail_admins", down)
        alarms.look(NOW)

    ended("pay-dealers", "succeeded", later(30))
    alarms.look(later(60))

    assert "It is over since 2026-03-10 02:01:00 UTC (Tue 13:01:00 AEDT)." in mail.outbox[0].body


def test_without_admins_what_is_wrong_stands_in_the_log(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.ADMINS = []
    failed("pay-dealers", NOW)

    assert told_at(NOW) == []

    (line,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert line.getMessage() == "Job pay-dealers failed for good after 3 attempts."
    assert line.__dict__["job_id"] == "pay-dealers"


def test_a_name_with_a_line_break_makes_a_subject_all_the_same() -> None:
    make_game(name="Thursday\r\nBcc: all@example.com", generation_error="GenerationError: no zone")

    (subject,) = told_at(NOW)
    assert "\n" not in subject


@IN_THREADS
def test_a_check_that_throws_keeps_no_other_from_its_turn_and_closes_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def throws(now: datetime) -> Any:
        raise OperationalError("gone")

    failed("pay-dealers", NOW)
    assert len(told_at(NOW)) == 1

    with monkeypatch.context() as patch:
        patch.setitem(alarms.CHECKS, Incident.Kind.JOB, throws)
        game = make_game(generation_error="GenerationError: no zone")
        tick.tick(later(60))

    assert [subject.split()[:2] for subject in told()] == [["Game", str(game.pk)]]
    assert "trouble of the kind job" in caplog.text
    assert told_at(later(120)) == []
    assert Clock.objects.get().busy_until is None


def test_a_look_costs_a_handful_of_queries_however_much_is_wrong(django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(8):
        alarms.look(NOW)
    make_games(30, generation_error="GenerationError: no zone")
    for n in range(30):
        failed(f"job-{n}", NOW)
        ended(f"job-{n}", "misfired", NOW, slot=NOW)

    with django_assert_max_num_queries(12):
        alarms.look(NOW)
    assert Incident.objects.filter(told_at=NOW).count() == 90
    with django_assert_max_num_queries(10):
        alarms.look(later(60))


def test_a_tick_looks() -> None:
    failed("pay-dealers", NOW)

    tick.tick(NOW)

    assert len(told()) == 1


def test_a_retry_that_succeeds_ends_the_trouble_and_the_dead_letter() -> None:
    run = failed("pay-dealers", NOW)
    assert list(facts.dead_letters(later(60))) == [run]
    assert len(told_at(NOW)) == 1

    again = runs.retry(run, by="ann", now=later(60))
    claimed = runs.claim(again.pk, 0, "message", later(60))
    assert list(facts.dead_letters(later(60))) == []  # asked for again
    assert claimed
    runs.succeed(claimed, None, later(70))

    assert told_at(later(120)) == []
    assert fields(again, "retry_of") == run.pk
    assert not Incident.objects.filter(closed_at=None).exists()


# --- Who looks at the clock -------------------------------------------------------------------------------


@IN_THREADS
def test_a_worker_process_looks_at_the_clock_until_it_stops_whatever_happens(
    settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks: list[datetime] = []

    def look(now: datetime) -> None:
        looks.append(now)
        raise OperationalError("PostgreSQL is away")

    monkeypatch.setattr(alarms, "look_at_clock", look)
    settings.TICK_OVERDUE_SECONDS = 0.06
    watch = ClockWatch()
    worker = Worker(broker(), queues={"default"}, worker_threads=1)

    watch.after_worker_boot(broker(), worker)
    eventually(lambda: len(looks) >= 3, within=5)
    watch.before_worker_shutdown(broker(), worker)

    eventually(lambda: "clock-watch" not in [thread.name for thread in threading.enumerate()], within=5)
    assert "PostgreSQL is away" in caplog.text
