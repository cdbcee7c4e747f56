"""How long one web process takes over a page when a million sessions are in the table."""

from __future__ import annotations

import socket
import time
from http.client import HTTPConnection
from statistics import quantiles

from django.db import connection

from tests.benchmarks.contenders import DEPLOYED, PROCFILE
from tests.benchmarks.figures import Figures
from tests.benchmarks.league import AHEAD, GAMES_A_VENUE, League
from tests.benchmarks.place import Spoilt
from tests.benchmarks.processes import processes

ZONES = ("Australia/Sydney", "Australia/Perth", "America/New_York", "Europe/London")

#: How many days of sessions each game has: more than a year of history, and what lies ahead.
DAYS = 500

REQUESTS = 200

# Not by the ORM, which takes minutes over a million rows.
FILL = """
    INSERT INTO events_gamesession
        (game_id, slot_date, starts_at, ends_at, timezone, status, cancel_reason, cancelled_by, edited, off_rule,
         notes, uid, sequence, updated_at)
    SELECT game.id, day, (day + start_time) AT TIME ZONE timezone, (day + start_time) AT TIME ZONE timezone
         + interval '4 hours', timezone, 'scheduled', '', '', false, false, '', gen_random_uuid(), 0, now()
    FROM generate_series(current_date - %s, current_date + %s, interval '1 day') AS days (day),
        events_game AS game JOIN events_venue ON events_venue.id = venue_id
"""


def read(sessions: int, figures: Figures) -> None:
    """The 95th percentile, in milliseconds, of each page asked for again and again."""
    games = sessions // DAYS
    League(games, zones=ZONES)
    with connection.cursor() as cursor:
        cursor.execute(FILL, [DAYS - AHEAD - 1, AHEAD])
        cursor.execute("VACUUM (ANALYZE)")
    venues = -(-games // GAMES_A_VENUE)
    pages = {
        "api": ["/api/v1/sessions/"],
        "month": [f"/venues/venue-{n}/" for n in range(venues)],
        "whats-on": ["/"],
    }
    port = _free_port()
    one = {
        "WEB_CONCURRENCY": "1",
        "HOST": "127.0.0.1",
        "PORT": f"{port}",
        "API_REQUESTS_PER_MINUTE": "1000000",
        "REQUESTS_PER_MINUTE": "1000000",
    }
    with processes(PROCFILE["web"], **DEPLOYED, **one) as web:
        web.wait_for(lambda: _answers(port), 30)
        for name, paths in pages.items():
            figures.add("pages", name, _p95(port, paths))


def _p95(port: int, paths: list[str]) -> float:
    took = [_get(port, paths[n % len(paths)]) for n in range(REQUESTS + 20)]
    return 1000 * quantiles(took[20:], n=20)[-1]  # the first ones find nothing compiled


def _get(port: int, path: str) -> float:
    """The seconds that a page takes, read to its end."""
    client = HTTPConnection("127.0.0.1", port, timeout=60)
    begun = time.monotonic()
    client.request("GET", path, headers={"Host": "localhost", "X-Forwarded-Proto": "https"})
    answer = client.getresponse()
    answer.read()
    seconds = time.monotonic() - begun
    client.close()
    if answer.status != 200:
        raise Spoilt(f"{path} answered {answer.status}.")
    return seconds


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
