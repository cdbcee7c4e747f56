"""What is told by mail: once per incident, and not lost when mail is."""

import logging
import smtplib
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import OperationalError

from events.models import Game
from server import settings as read
from tests.deploy import deploy
from tests.factories import make_game, make_games
from tests.workers.monitoring.incidents import ended, failed, told, told_at, usually
from tests.workers.scheduled import NOW, at_once, fields, later, make_job, make_run
from workers import runs, tick
from workers.broker.clock_watch import LOOKS
from workers.models import Clock, Incident, Run
from workers.monitoring import alarm_checks, alarms, failures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_call")]

IN_THREADS = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def test_without_trouble_nothing_is_told() -> None:
    make_run(make_job(), "succeeded")
    make_game()

    assert told_at(NOW) == []
    assert not Incident.objects.exists()


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
    alarms.tell_troubles(later(460))

    assert Incident.objects.get().closed_at == later(460)


def test_the_clock_is_told_once_until_a_tick_and_then_anew() -> None:
    deploy(NOW)
    Clock.objects.create(pk=1, last_tick=NOW)
    for seconds in (200, 230, 260):
        alarms.tell_clock_troubles(later(seconds))
    assert len(told()) == 1

    tick.tick(later(300))
    assert Incident.objects.get().closed_at == later(300)

    alarms.tell_clock_troubles(later(600))
    assert len(told()) == 1


def test_many_troubles_make_one_mail_that_names_fifty_of_them() -> None:
    make_games(60, generation_error="GenerationError: no zone")
    failed("pay-dealers", NOW)

    alarms.tell_troubles(NOW)

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
        at_once(*[lambda at=at: alarms.tell_clock_troubles(at)] * 4)
        alarms.tell_clock_troubles(at)
        assert len(told()) == 1
        alarms.tell_troubles(at)


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
        alarms.tell_clock_troubles(later(230))
        may_go_on.set()

    monkeypatch.setattr(alarms, "mail_admins", slow)
    at_once(lambda: alarms.tell_clock_troubles(later(200)), meanwhile)

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
        alarms.tell_troubles(NOW)
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
        alarms.tell_troubles(NOW)

    ended("pay-dealers", "succeeded", later(30))
    alarms.tell_troubles(later(60))

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
        patch.setitem(alarm_checks.CHECKS, Incident.Kind.JOB, throws)
        game = make_game(generation_error="GenerationError: no zone")
        tick.tick(later(60))

    assert [subject.split()[:2] for subject in told()] == [["Game", str(game.pk)]]
    assert "trouble of the kind job" in caplog.text
    assert told_at(later(120)) == []
    assert Clock.objects.get().busy_until is None


def test_a_look_costs_a_handful_of_queries_however_much_is_wrong(django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(10):
        alarms.tell_troubles(NOW)
    make_games(30, generation_error="GenerationError: no zone")
    for n in range(30):
        failed(f"job-{n}", NOW)
        ended(f"job-{n}", "misfired", NOW, slot=NOW)

    with django_assert_max_num_queries(14):
        alarms.tell_troubles(NOW)
    assert Incident.objects.filter(told_at=NOW).count() == 90
    with django_assert_max_num_queries(12):
        alarms.tell_troubles(later(60))


def test_a_tick_looks() -> None:
    failed("pay-dealers", NOW)

    tick.tick(NOW)

    assert len(told()) == 1


def test_a_retry_that_succeeds_ends_the_trouble_and_the_dead_letter() -> None:
    run = failed("pay-dealers", NOW)
    assert list(failures.dead_letters(later(60))) == [run]
    assert len(told_at(NOW)) == 1

    again = runs.retry(run, by="ann", now=later(60))
    claimed = runs.claim(again.pk, 0, "message", later(60))
    assert list(failures.dead_letters(later(60))) == []  # asked for again
    assert claimed
    runs.succeed(claimed, None, later(70))

    assert told_at(later(120)) == []
    assert fields(again, "retry_of") == run.pk
    assert not Incident.objects.filter(closed_at=None).exists()


# --- Who looks at the clock -------------------------------------------------------------------------------


def test_a_clock_that_has_stopped_is_told_within_three_minutes_unless_set_otherwise() -> None:
    assert read.TICK_OVERDUE_SECONDS * (1 + 1 / LOOKS) < 180
