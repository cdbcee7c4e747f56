"""The one real chain: periodiq, Redis, workers, PostgreSQL. Its stories are in tests/acceptance."""

from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from events.models import Game, GameSession, Venue
from tests.deploy import deploy
from tests.processes import Clock, environment, running
from tests.waiting import eventually
from workers.actors import generate_upcoming_game_sessions
from workers.broker import broker
from workers.models import Clock as Heartbeat
from workers.models import Generation


@pytest.fixture
def empty_queues():
    broker().flush_all()
    yield
    broker().flush_all()


@pytest.mark.django_db(transaction=True)
def test_sessions_asked_for_with_send_appear_and_the_clock_ticks(empty_queues: None, tmp_path: Path) -> None:
    # Given a daily game without sessions, and the Procfile's worker and scheduler on a Friday shortly after six
    venue = Venue(name="Star", slug="star")
    Venue.objects.bulk_create([venue])
    game = Game(venue=venue, name="Nightly", start_date=date(2026, 9, 1), start_time=time(19), recurrence="daily")
    Game.objects.bulk_create([game])
    clock = Clock(datetime.fromisoformat("2026-09-25T06:00:20+10:00"), rate=10)
    deploy(clock.now())
    with running("worker", "scheduler", env=environment(clock, settings.REDIS_URL), data=tmp_path):
        # When somebody asks for a generation
        generate_upcoming_game_sessions.send(days=40)

        # Then workers fill the calendar
        eventually(lambda: game.sessions.count() == 41, within=15)
        days = [date(2026, 9, 25) + timedelta(days=n) for n in range(41)]
        sydney = ZoneInfo("Australia/Sydney")
        assert [session.starts_at for session in GameSession.objects.order_by("starts_at")] == [
            datetime.combine(day, time(19), sydney) for day in days
        ]
        assert Generation.objects.filter(slot=None, sent=1).count() == 1

        # And periodiq's ticks arrive, each minute
        first = eventually(last_tick, within=10)
        eventually(lambda: last_tick() != first, within=10)


def last_tick() -> datetime | None:
    return Heartbeat.objects.values_list("last_tick", flat=True).first()
