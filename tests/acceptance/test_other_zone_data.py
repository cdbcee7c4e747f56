"""Whatever zone data the host carries, each process reads the pinned package's alone."""

import json
from datetime import date, datetime, time, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import redis

from events.models import GameSession
from server.embedded import free_port
from tests.acceptance.conftest import Start
from tests.factories import make_game, make_venue
from tests.processes import Clock
from tests.waiting import eventually
from tests.zone_data import lie_about
from workers.models import Generation, ScheduledJob

NIGHT = datetime.fromisoformat("2026-12-04T02:00:00Z")  # 19:00 in Vancouver, which stays on UTC-7
FIVE = datetime.fromisoformat("2026-12-03T18:00:00Z")  # 05:00 in Sydney

SHELL = """
from events.models import GameSession
night = GameSession.objects.first()
print(night.starts_at.astimezone(night.game.venue.zone))
"""


def test_a_night_in_vancouver_is_at_its_hour_by_each_process_on_a_host_that_says_otherwise(
    start: Start, queues: redis.Redis, tmp_path: Path
) -> None:
    # Given a host by which Vancouver, and Sydney too, are eight hours behind UTC
    elsewhere = lie_about(tmp_path, "America/Vancouver", "Australia/Sydney")
    game = make_game(
        make_venue("America/Vancouver"),
        recurrence="weekly",
        weekdays=["thu"],
        start_date=date(2026, 11, 5),
        start_time=time(19),
    )
    clock = Clock(datetime.fromisoformat("2026-12-04T04:58:30+11:00"), rate=10)
    port = free_port()

    # When the Procfile's processes have their 05:00 in Sydney
    processes = start("web", "worker", "scheduler", clock=clock, HOST="127.0.0.1", PORT=str(port), **elsewhere)
    eventually(lambda: GameSession.objects.filter(slot_date="2026-12-03").exists(), within=60)

    # Then the scheduler sent the generation at its slot, and the worker wrote the night at its hour
    assert Generation.objects.get().slot == FIVE
    assert GameSession.objects.get(slot_date="2026-12-03").starts_at == NIGHT

    # And so say the web, the shell and a release
    assert slot_over_rest(port, game.pk) == NIGHT
    assert "2026-12-03 19:00:00-07:00" in processes.manage("shell", "-c", SHELL)
    ScheduledJob.objects.filter(pk="generate_upcoming_game_sessions").update(next_run_at=None, timezone="UTC")
    processes.manage("migrate", "--no-input")
    assert ScheduledJob.objects.filter(next_run_at=FIVE + timedelta(days=1)).exists()


def slot_over_rest(port: int, game: int) -> datetime:
    """The start of the next date of a game, as the web process works it out."""

    def answer() -> Any:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", f"/api/v1/games/{game}/preview/?days=7", headers={"X-Forwarded-Proto": "https"})
            slots = json.loads(connection.getresponse().read())
            return next(slot for slot in slots if slot["date"] == "2026-12-03")
        except OSError:  # not up yet
            return None
        finally:
            connection.close()

    return datetime.fromisoformat(eventually(answer, within=30)["starts_at"])
