"""Whoever is on call is told, by a process that is still alive: real processes and a real SMTP server."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest

from events.models import Game, Venue
from tests.acceptance.conftest import Start
from tests.acceptance.league import note_generation
from tests.processes import Clock
from tests.waiting import eventually
from workers import generation
from workers.models import Clock as Heartbeat
from workers.models import Incident
from workers.monitoring import health


class Session(socketserver.StreamRequestHandler):
    """As much of SMTP as Django speaks."""

    server: MailServer

    def handle(self) -> None:
        self._say("220 ready")
        for line in self.rfile:
            command = line.split()[0].upper()
            if command == b"DATA":
                self._say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.messages.append(message_from_bytes(b"".join(lines)))
            self._say("221 bye" if command == b"QUIT" else "250 fine")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.messages: list[Message] = []

    def settings(self) -> dict[str, str]:
        host, port = self.server_address[:2]
        return {"EMAIL_HOST": str(host), "EMAIL_PORT": str(port), "ADMINS": "oncall@example.com"}

    def about(self, words: str) -> list[str]:
        """The subjects that hold these words."""
        subjects = [str(message["Subject"]).replace("\n", "") for message in self.messages]
        return [subject for subject in subjects if words in subject]


@pytest.fixture
def post() -> Iterator[MailServer]:
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        yield server
        server.shutdown()


def status(clock: Clock) -> Any:
    return health.scheduler_status(clock.now())


def test_when_the_scheduler_is_gone_a_worker_tells_so(start: Start, post: MailServer, settings: Any) -> None:
    # Given two worker processes and a scheduler, whose clock ticks
    settings.TICK_OVERDUE_SECONDS = 90  # half a minute after the next tick would have come
    clock = Clock(datetime.fromisoformat("2026-09-25T13:00:30+10:00"), rate=10)
    variables = {"TICK_OVERDUE_SECONDS": "90", "WORKER_PROCESSES": "2", **post.settings()}
    processes = start("worker", "scheduler", clock=clock, **variables)
    eventually(lambda: Heartbeat.objects.filter(last_tick__isnull=False).exists(), within=25)
    assert status(clock)["status"] != "overdue"

    # When the scheduler stops
    processes.stop("scheduler")
    stopped_at = clock.now()

    # Then it is overdue, and mail says so once though two processes look
    eventually(lambda: status(clock)["status"] == "overdue", within=25)
    assert clock.now() - stopped_at < timedelta(minutes=3)
    assert status(clock)["reasons"][0].startswith("no tick for ")
    eventually(lambda: post.about("The clock has stopped"), within=20)
    assert Incident.objects.get().kind == "clock"
    assert len(post.about("The clock has stopped")) == 1


def test_a_game_that_breaks_is_told_within_three_minutes_of_its_last_attempt(start: Start, post: MailServer) -> None:
    # Given a game that cannot be generated beside one that can
    venues = [Venue(name="Star", slug="star"), Venue(name="Mars", slug="mars", timezone="Mars/Base")]
    Venue.objects.bulk_create(venues)
    daily = {"recurrence": "daily", "start_date": date(2026, 9, 1), "start_time": time(19)}
    sound, broken = Game.objects.bulk_create([Game(venue=venue, name=f"At {venue}", **daily) for venue in venues])
    clock = Clock(datetime.fromisoformat("2026-09-25T13:00:40+10:00"), rate=10)
    begun = note_generation(clock.now())

    # When a generation reaches them
    start("worker", "scheduler", clock=clock, **post.settings())
    generation.fan_out(begun, now=clock.now())
    eventually(lambda: Game.objects.exclude(generation_error="").exists(), within=30)
    failed_at = clock.now()

    # Then it is told by name, once, and the other is in the calendar
    eventually(lambda: post.about(f"Game {broken.pk} (At Mars) cannot be generated."), within=20)
    assert clock.now() - failed_at < timedelta(minutes=3)
    (message,) = post.messages
    assert message["To"] == "oncall@example.com"
    assert "Mars/Base" in message.get_payload()
    assert sound.sessions.exists()
    told = clock.now()
    eventually(lambda: Heartbeat.objects.filter(last_tick__gt=told + timedelta(seconds=61)).exists(), within=15)
    assert len(post.messages) == 1
