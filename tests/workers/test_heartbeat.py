"""The service that waits to hear of each nightly generation: a real HTTP server, asked once a night."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from events.models import Game
from events.zones import fingerprint
from tests.factories import make_game
from tests.workers.conftest import Queues
from workers import generation
from workers.models import Generation

pytestmark = pytest.mark.django_db

SLOT = datetime(2026, 3, 9, 18, tzinfo=UTC)  # 05:00 in Sydney
SETTLED = (SLOT + timedelta(days=60)).date()


class Service(HTTPServer):
    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def service(settings: Any, queues: Queues) -> Iterator[Service]:
    with Service() as service:
        threading.Thread(target=service.serve_forever, args=[0.01], daemon=True).start()
        settings.HEARTBEAT_URL = f"http://127.0.0.1:{service.server_port}/a-secret"
        yield service
        service.shutdown()


def after(seconds: float) -> datetime:
    return SLOT + timedelta(seconds=seconds)


def generated(at: datetime = SLOT, *, nightly: bool = True, days: int = 28) -> Generation:
    return Generation.objects.create(at=at, slot=at if nightly else None, days=days, moved_at=at)


def test_it_hears_once_when_the_last_game_is_settled(service: Service) -> None:
    game = make_game()
    generated()
    generation.reconcile(after(60))
    assert service.asked == []

    Game.objects.update(generated_through=SETTLED, zone_data=fingerprint(game.venue.timezone))
    generation.reconcile(after(120))
    generation.reconcile(after(180))

    assert service.asked == ["/a-secret"]
    assert Generation.objects.get().finished_at == after(120)


def test_it_hears_every_night(service: Service) -> None:
    make_game(generated_through=SETTLED)
    for night in range(3):
        generated(SLOT + timedelta(days=night))
        generation.reconcile(after(86_400 * night + 60))

    assert len(service.asked) == 3


def test_it_does_not_hear_of_a_rerun_by_hand(service: Service) -> None:
    generated(nightly=False)

    generation.reconcile(after(60))

    assert service.asked == []
    assert Generation.objects.get().finished_at


def test_it_hears_of_the_night_though_a_rerun_by_hand_took_over(service: Service) -> None:
    generated()
    generated(after(30), nightly=False)

    generation.reconcile(after(60))
    generation.reconcile(after(120))

    assert len(service.asked) == 1


def test_a_system_without_games_is_healthy(service: Service) -> None:
    generated()

    generation.reconcile(after(60))

    assert len(service.asked) == 1


@pytest.mark.parametrize("trouble", ["down", "refuses", "no address"])
def test_what_it_does_not_take_is_logged_without_its_secret(
    trouble: str, service: Service, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    service.status = 503
    if trouble != "refuses":
        settings.HEARTBEAT_URL = {"down": "http://127.0.0.1:1/a-secret", "no address": "http://[/a-secret"}[trouble]
    generated()

    generation.reconcile(after(60))

    assert "The heartbeat of the generation was not taken" in caplog.text
    assert "a-secret" not in caplog.text
    assert Generation.objects.get().finished_at == after(60)


def test_without_the_setting_nobody_is_asked(service: Service, settings: Any) -> None:
    settings.HEARTBEAT_URL = ""
    generated()

    generation.reconcile(after(60))

    assert service.asked == []
