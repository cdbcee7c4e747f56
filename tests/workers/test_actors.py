"""The actors, run by a real worker from real messages."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from dramatiq import Actor

from events.models import GameSession
from tests.factories import make_game, make_venue
from tests.workers.conftest import Queues
from workers import actors
from workers.models import Clock, Generation, Run, ScheduledJob

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch, queues: Queues) -> None:
    monkeypatch.setitem(actors.create_sessions_for_game.options, "min_backoff", 1)
    monkeypatch.setitem(actors.create_sessions_for_game.options, "max_backoff", 1)


# --- What is agreed with workers of other versions --------------------------------------------------------


def test_a_message_carries_the_games_id_and_iso_dates_as_plain_json(queues: Queues) -> None:
    game = make_game()
    actors.generate_upcoming_game_sessions.send(days=3)
    queues.work_off("clock")

    (message,) = queues.messages("games")
    fields = json.loads(message.encode())
    assert fields["actor_name"] == "create_sessions_for_game"
    assert fields["queue_name"] == "games"
    game_id, first, last = fields["args"]
    assert game_id == game.pk
    assert date.fromisoformat(last) - date.fromisoformat(first) == timedelta(3)
    assert fields["kwargs"] == {}


def test_the_signatures_that_messages_rely_on(queues: Queues) -> None:
    game = make_game()
    day = "2026-03-10"
    ScheduledJob.objects.update(next_run_at=None)  # the tick reads the real clock, and would send what is due soon
    for message in (
        actors.create_sessions_for_game.message(game.pk),
        actors.create_sessions_for_game.message(game.pk, day, day),
        actors.create_sessions_for_game.message(game.pk, first_day=day, last_day=day),
        actors.generate_upcoming_game_sessions.message(),
        actors.generate_upcoming_game_sessions.message(days=5),
        actors.dispatch_due_jobs.message(),
        actors.scheduled_job.message(),
    ):
        actors.scheduled_job.broker.enqueue(message)

    queues.work_off("clock", "games", "default")

    assert [queues.dead(queue) for queue in ("clock", "games", "default")] == [[], [], []]


@pytest.mark.parametrize(
    ("actor", "queue", "max_retries", "periodic"),
    [
        (actors.dispatch_due_jobs, "clock", 0, "* * * * *"),
        (actors.create_sessions_for_game, "games", 3, None),
        # A job's retries are its run's.
        (actors.generate_upcoming_game_sessions, "clock", 0, "0 5 * * *"),
        (actors.prune_history, "default", 0, None),
        (actors.email_daily_digest, "default", 0, None),
        (actors.scheduled_job, "default", 0, None),
    ],
)
def test_each_actor_has_its_queue_its_retries_and_its_times(
    actor: Actor, queue: str, max_retries: int, periodic: str | None
) -> None:
    assert actor.queue_name == queue
    assert actor.options.get("max_retries") == max_retries
    spec = actor.options.get("periodic")
    assert (str(spec) if spec else None) == periodic


def test_of_the_messages_a_worker_holds_the_tick_goes_first_and_then_the_generation() -> None:
    everything: list[Actor] = [
        actors.scheduled_job,
        actors.prune_history,
        actors.email_daily_digest,
        actors.create_sessions_for_game,
        actors.generate_upcoming_game_sessions,
        actors.dispatch_due_jobs,
    ]
    ordered = sorted(everything, key=lambda actor: actor.priority)
    assert ordered[:2] == [actors.dispatch_due_jobs, actors.generate_upcoming_game_sessions]


# --- Clock ------------------------------------------------------------------------------------------------


def test_a_tick_does_its_work(queues: Queues) -> None:
    actors.dispatch_due_jobs.send_with_options(scheduled_at=timezone.now().isoformat())

    queues.work_off("clock")

    assert Clock.objects.get().last_tick


def test_a_tick_that_comes_a_minute_late_does_nothing(queues: Queues) -> None:
    recent = timezone.now() - timedelta(seconds=5)
    Clock.objects.create(pk=1, last_tick=recent)
    late = timezone.now() - timedelta(seconds=60)
    actors.dispatch_due_jobs.send_with_options(scheduled_at=late.isoformat())

    queues.work_off("clock")

    assert Clock.objects.get().last_tick == recent
    assert queues.dead("clock") == []


@pytest.mark.parametrize("ahead", [{"hours": 10}, {"hours": -1}])
def test_when_the_schedulers_clock_is_wrong_the_tick_comes_all_the_same_at_the_right_time(
    queues: Queues, ahead: dict[str, int]
) -> None:
    Clock.objects.create(pk=1, last_tick=timezone.now() - timedelta(seconds=60))
    scheduled_at = timezone.now() + timedelta(**ahead)
    actors.dispatch_due_jobs.send_with_options(scheduled_at=scheduled_at.isoformat())

    queues.work_off("clock")

    clock = Clock.objects.get()
    assert clock.last_tick
    assert abs(timezone.now() - clock.last_tick) < timedelta(seconds=20)
    assert clock.scheduler_ahead == scheduled_at - clock.last_tick


def test_a_worker_whose_clock_is_off_by_more_than_a_minute_takes_no_tick(
    queues: Queues, caplog: pytest.LogCaptureFixture
) -> None:
    true = timezone.now()
    with time_machine.travel(true + timedelta(hours=10)):
        actors.dispatch_due_jobs.send_with_options(scheduled_at=true.isoformat())
        queues.work_off("clock")

    assert not Clock.objects.exists()
    assert "No tick is taken: this worker's clock is 36000 s ahead of the database's" in caplog.text


def test_a_generation_fills_the_calendar_and_a_second_adds_nothing(queues: Queues, settings: Any) -> None:
    settings.LOOKAHEAD_DAYS = 6
    games = [make_game(), make_game(make_venue("America/New_York"))]

    for _ in range(2):
        actors.generate_upcoming_game_sessions.send()
        queues.work_off("clock", "games")
        assert [game.sessions.count() for game in games] == [7, 7]

    assert Generation.objects.count() == 2


@pytest.mark.parametrize("days", [-1, 400, 10**12])
def test_a_generation_over_impossible_days_fails_without_retry(queues: Queues, days: int) -> None:
    make_game()
    actors.generate_upcoming_game_sessions.send(days=days)

    queues.work_off("clock")

    run = Run.objects.get()
    assert (run.state, run.attempts, run.kwargs) == ("failed", 1, {"days": days})
    assert f"{days} days ahead is no window" in run.error
    assert not Generation.objects.exists()
    assert queues.windows() == {}


# --- Games ------------------------------------------------------------------------------------------------


def test_an_unknown_game_is_dropped_and_not_tried_again(queues: Queues, caplog: pytest.LogCaptureFixture) -> None:
    actors.create_sessions_for_game.send(4711)

    queues.work_off("games")

    assert queues.dead("games") == []
    assert caplog.text.count("Game 4711 does not exist") == 1


@pytest.mark.parametrize("last", ["2026-03-09", "2027-04-14"])
def test_a_window_that_cannot_be_is_a_dead_letter_without_retry_and_nothing_is_written(
    queues: Queues, last: str
) -> None:
    game = make_game()
    actors.create_sessions_for_game.send(game.pk, "2026-03-10", last)

    queues.work_off("games")

    (message,) = queues.dead("games")
    assert message.options.get("retries", 0) == 0
    assert not GameSession.objects.exists()
    game.refresh_from_db()
    assert (game.generated_through, game.generation_error) == (None, "")


def test_the_longest_window_is_400_days(queues: Queues) -> None:
    game = make_game()
    actors.create_sessions_for_game.send(game.pk, "2026-03-10", "2027-04-13")

    queues.work_off("games")

    assert game.sessions.count() == 400


def test_a_game_that_cannot_be_worked_out_is_tried_again_then_marked_and_holds_up_no_other(
    queues: Queues, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.LOOKAHEAD_DAYS = 6
    broken = make_game(make_venue("Nowhere/Land"))
    sound = [make_game(), make_game()]
    actors.generate_upcoming_game_sessions.send()

    queues.work_off("clock", "games")

    broken.refresh_from_db()
    assert "Nowhere/Land" in broken.generation_error
    assert [game.sessions.count() for game in (broken, *sound)] == [0, 7, 7]
    assert queues.dead("games") == []
    assert caplog.text.count("Retrying message") == 3


def test_the_template_of_a_new_job_does_nothing_and_is_not_scheduled(queues: Queues) -> None:
    actors.scheduled_job.send()

    queues.work_off("default")

    run = Run.objects.get()
    assert (run.state, run.cause, run.job) == ("succeeded", "manual", None)
    assert not ScheduledJob.objects.filter(actor="scheduled_job").exists()
    assert "periodic" not in actors.scheduled_job.options
