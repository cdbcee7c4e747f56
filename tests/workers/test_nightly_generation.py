"""05:00 in Sydney: which messages make the nightly generation, and what becomes of one that was missed."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.db.models import QuerySet
from dramatiq import Message
from dramatiq.middleware import CurrentMessage

from tests.deploy import deploy
from tests.factories import make_game
from tests.workers.conftest import Queues
from tests.workers.scheduled import FIVE, make_run, save_job
from workers import database_time, generation, tick
from workers.actors import generate_upcoming_game_sessions
from workers.allow_list import registry
from workers.broker import broker
from workers.generation import NIGHTLY
from workers.models import Generation, Run, ScheduledJob

pytestmark = pytest.mark.django_db(transaction=True)  # as in a worker: messages are sent after a commit

SLOT = datetime(2026, 3, 9, 18, tzinfo=UTC)  # 05:00 in Sydney
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _deployed(settings: Any, queues: Queues) -> None:
    settings.LOOKAHEAD_DAYS = 28
    deploy(SLOT - timedelta(hours=1))


def after(seconds: float) -> datetime:
    return SLOT + timedelta(seconds=seconds)


def nightly() -> ScheduledJob:
    return ScheduledJob.objects.get(pk="generate_upcoming_game_sessions")


def its_runs() -> QuerySet[Run]:
    return Run.objects.filter(job=nightly())


def from_periodiq(at: datetime) -> Message[Any]:
    """The message that periodiq sends at `at`."""
    return generate_upcoming_game_sessions.message_with_options(scheduled_at=at.isoformat())


def arrives(message: Message[Any], at: datetime) -> None:
    """What a worker does that takes a message at `at`, by its own clock and the database's."""
    current = CurrentMessage()
    with time_machine.travel(at, tick=False), patch.object(database_time, "_ask", lambda: at):
        current.before_process_message(broker(), message)
        try:
            generate_upcoming_game_sessions(*message.args, **message.kwargs)
        finally:
            current.after_process_message(broker(), message)


def work_off(queues: Queues, at: datetime) -> int:
    """Let a worker take what waits for it at `at`; returns how many messages."""
    messages = queues.messages("clock")
    queues.clear()
    for message in messages:
        arrives(message, at)
    return len(messages)


# --- periodiq's message -----------------------------------------------------------------------------------


def test_the_slot_is_the_minute_in_which_the_clock_sent_the_message(queues: Queues) -> None:
    game = make_game()
    sent_at = after(40.000005)

    arrives(from_periodiq(sent_at), sent_at)

    made = Generation.objects.get()
    assert (made.slot, made.at, made.sent) == (SLOT, sent_at, 1)
    run = Run.objects.get()
    assert (run.job, run.slot, run.cause, run.state) == (nightly(), SLOT, "schedule", "succeeded")
    assert run.result == {"days": 28, "games": 1}
    assert queues.windows().keys() == {game.pk}


@pytest.mark.parametrize("minutes", [-1, 1, 60, -60])
def test_a_minute_that_is_none_of_the_clocks_is_refused(
    queues: Queues, caplog: pytest.LogCaptureFixture, minutes: int
) -> None:
    make_game()
    at = SLOT + timedelta(minutes=minutes)

    with caplog.at_level(logging.INFO, logger="workers.jobs"):
        arrives(from_periodiq(at), at)

    assert not Generation.objects.exists()
    assert not Run.objects.exists()
    assert queues.windows() == {}
    assert "is no slot of it" in caplog.text


def test_twice_the_same_slot_is_one_generation(queues: Queues) -> None:
    game = make_game()

    for seconds in (0.1, 40):
        arrives(from_periodiq(after(seconds)), after(seconds))

    assert Generation.objects.count() == Run.objects.count() == 1
    assert queues.windows().keys() == {game.pk}


def test_one_message_that_comes_twice_is_one_generation(queues: Queues) -> None:
    game = make_game()
    message = from_periodiq(after(0.1))

    for seconds in (0.2, 20):
        arrives(message, after(seconds))

    assert Generation.objects.count() == Run.objects.count() == 1
    assert queues.windows().keys() == {game.pk}


def test_a_message_that_comes_hours_late_and_the_tick_together_make_one_generation_of_its_slot(
    queues: Queues,
) -> None:
    late = after(5 * 3600)

    arrives(from_periodiq(after(0.1)), late)
    tick.tick(late)
    work_off(queues, late)

    assert (Generation.objects.get().slot, its_runs().get().state) == (SLOT, "succeeded")


def test_by_hand_there_is_no_slot_and_no_limit(queues: Queues) -> None:
    make_game()

    for _ in range(2):
        arrives(generate_upcoming_game_sessions.message(days=60), SLOT)

    assert list(Generation.objects.values_list("slot", "days")) == [(None, 60)] * 2
    assert list(Run.objects.values_list("slot", "cause", "state")) == [(None, "manual", "succeeded")] * 2
    assert len(queues.messages("games")) == 2


def test_two_jobs_in_one_slot_have_a_generation_each(queues: Queues) -> None:
    """A staff job at 05:00 that looks ten days ahead, and the nightly one."""
    make_game()
    save_job(SLOT - DAY, id="short", actor=NIGHTLY, kwargs={"days": 10}, trigger=FIVE)
    save_job(SLOT - DAY, id="long", actor=NIGHTLY, kwargs={"days": 90}, trigger=FIVE)
    tick.tick(after(-30))
    for message in (*queues.messages("clock.DQ"), from_periodiq(SLOT)):
        arrives(message, SLOT)

    assert set(Generation.objects.values_list("slot", "days")) == {(None, 10), (None, 90), (SLOT, 28)}
    assert dict(Run.objects.filter(actor=NIGHTLY).values_list("job", "result__days")) == {
        "short": 10,
        "long": 90,
        NIGHTLY: 28,
    }
    owners = dict(Run.objects.values_list("pk", "job"))
    days = {owners[run_id]: days for run_id, days in Generation.objects.values_list("run_id", "days") if run_id}
    assert days == {"short": 10, "long": 90, NIGHTLY: 28}


def test_a_night_is_not_skipped_while_generations_by_hand_are_running(queues: Queues) -> None:
    game = make_game()
    for _ in range(20):
        make_run(nightly(), "running", cause="manual", actor=NIGHTLY, heartbeat_at=SLOT)

    arrives(from_periodiq(SLOT), SLOT)

    assert list(its_runs().filter(slot=SLOT).values_list("state", "cause")) == [("succeeded", "schedule")]
    assert Generation.objects.get().slot == SLOT
    assert queues.windows().keys() == {game.pk}


def test_a_night_that_is_tried_again_has_its_generation_again(queues: Queues) -> None:
    """Its worker died after it had begun."""
    make_game()
    run = make_run(nightly(), "queued", actor=NIGHTLY, slot=SLOT, attempts=1, due_at=SLOT)
    begun = generation.begin(SLOT, days=None, slot=SLOT, run_id=run.pk)

    arrives(registry[NIGHTLY].message(run), after(20))

    assert (Generation.objects.get(), its_runs().get().state) == (begun, "succeeded")


# --- Missed -----------------------------------------------------------------------------------------------


def test_a_generation_that_was_missed_is_made_up_for_once(queues: Queues) -> None:
    for minute in range(60, 65):
        tick.tick(after(minute * 60))
        work_off(queues, after(minute * 60 + 1))

    made = Generation.objects.get()
    assert (made.slot, made.at, made.days) == (SLOT, after(3601), 28)
    run = its_runs().get()
    assert (run.slot, run.cause, run.covers, run.state) == (SLOT, "catch_up", 1, "succeeded")
    assert nightly().next_run_at == SLOT + DAY


def test_a_generation_that_began_is_not_made_up_for(queues: Queues) -> None:
    arrives(from_periodiq(after(0.1)), after(0.2))

    tick.tick(after(120))

    assert queues.messages("clock") == []
    assert its_runs().count() == 1
    assert nightly().next_run_at == SLOT + DAY


def test_one_asked_for_by_hand_does_not_stand_for_the_nightly_one(queues: Queues) -> None:
    arrives(generate_upcoming_game_sessions.message(), after(1))

    tick.tick(after(120))

    assert len(queues.messages("clock")) == 1
    assert Run.objects.get(state="queued").slot == SLOT


def test_the_clock_is_given_a_minute_before_its_generation_counts_as_missed(queues: Queues) -> None:
    tick.tick(after(-1))
    tick.tick(after(59))
    assert queues.messages("clock") == []

    tick.tick(after(60))
    assert len(queues.messages("clock")) == 1


def test_of_several_missed_generations_the_latest_is_made_up_for_and_counts_the_others(queues: Queues) -> None:
    now = SLOT + 4 * DAY + timedelta(hours=8)

    tick.tick(now)

    assert work_off(queues, now) == 1
    assert Generation.objects.get().slot == SLOT + 4 * DAY
    run = its_runs().get()
    assert (run.slot, run.covers) == (SLOT + 4 * DAY, 5)


def test_nothing_is_made_up_for_while_the_job_is_paused(queues: Queues) -> None:
    ScheduledJob.objects.filter(pk=nightly().pk).update(enabled=False)

    arrives(from_periodiq(after(0.1)), after(0.2))
    tick.tick(after(3600))

    assert not its_runs().exists()
    assert not Generation.objects.exists()


# --- Clock changes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "slot"),
    [
        # Clocks go back on 5 April 2026 at 03:00: 05:00 is 18:00 UTC the day before, then 19:00.
        ("2026-04-03T18:00:00", "2026-04-04T19:00"),
        ("2026-04-04T18:59:59", "2026-04-04T19:00"),
        ("2026-04-04T19:00:00", "2026-04-05T19:00"),
        # They go forward on 4 October 2026 at 02:00: 05:00 is 19:00 UTC the day before, then 18:00.
        ("2026-10-02T19:00:00", "2026-10-03T18:00"),
        ("2026-10-03T17:59:59", "2026-10-03T18:00"),
        ("2026-10-03T18:00:00", "2026-10-04T18:00"),
    ],
)
def test_the_nightly_generation_is_due_at_five_in_sydney_on_either_side_of_a_clock_change(now: str, slot: str) -> None:
    deploy(datetime.fromisoformat(now + "Z"))

    assert nightly().next_run_at == datetime.fromisoformat(slot + "Z")


@pytest.mark.parametrize("month", [4, 10])
def test_around_a_clock_change_each_day_has_one_slot(month: int) -> None:
    start = datetime(2026, month, 1, tzinfo=UTC)
    slots = list(nightly().parsed_trigger().fires(start, start + 7 * DAY))

    assert len(slots) == 7
    sydney = [slot.astimezone(nightly().parsed_trigger().timezone) for slot in slots]
    assert [(slot.day, slot.hour, slot.minute) for slot in sydney] == [(2 + n, 5, 0) for n in range(7)]


@pytest.mark.parametrize("slot", ["2026-04-04T19:00", "2026-10-03T18:00"])
def test_a_generation_missed_on_the_day_the_clocks_change_is_made_up_for(queues: Queues, slot: str) -> None:
    five = datetime.fromisoformat(slot + "Z")
    deploy(five - timedelta(hours=6))

    tick.tick(five + timedelta(hours=3))

    assert its_runs().get().slot == five
