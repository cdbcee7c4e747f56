"""GET /metrics: who may read it, and that each metric is true."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
import tzdata
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from events.models import FOR_NOW
from tests.deploy import deploy
from tests.factories import make_game, make_games
from tests.workers.conftest import Queues
from tests.workers.scheduled import NOW, later, make_job, make_run
from workers.actors import create_sessions_for_game
from workers.broker import broker, connect
from workers.models import Clock, Generation, Incident
from workers.monitoring import board

pytestmark = pytest.mark.django_db

TOKEN = {"authorization": "Bearer open-sesame"}


@pytest.fixture(autouse=True)
def _settings(settings: Any, queues: Queues) -> Any:
    settings.METRICS_TOKEN = "open-sesame"
    with time_machine.travel(NOW, tick=False):
        yield


def read() -> dict[str, Any]:
    """Each metric's value, or its values by label."""
    response = Client().get("/metrics", headers={**TOKEN, "x-forwarded-proto": "https"})
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    found: dict[str, Any] = {}
    for family in text_string_to_metric_families(response.content.decode()):
        assert family.documentation
        for sample in family.samples:
            if sample.labels:
                ((_, label),) = sample.labels.items()
                found.setdefault(sample.name, {})[label] = sample.value
            else:
                found[sample.name] = sample.value
    return found


def status(**headers: str) -> int:
    return Client().get("/metrics", headers={"x-forwarded-proto": "https", **headers}).status_code


def test_there_is_no_such_page_without_the_setting(settings: Any) -> None:
    settings.METRICS_TOKEN = ""

    assert status(authorization="Bearer ") == 404


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer open", "Bearer öpen-sesame", "Token open-sesame", "open-sesame"]
)
def test_who_does_not_send_the_token_is_refused(given: str, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert status(authorization=given) == 401
    assert status() == 401


def test_on_a_fresh_system_there_is_little_to_say() -> None:
    found = read()

    assert "poker_clock_tick_age_seconds" not in found
    assert "poker_generation_age_seconds" not in found
    assert found["poker_queue_messages"] == {"clock": 0, "games": 0, "default": 0}
    assert set(found["poker_incidents"].values()) == {0}


def test_every_metric_is_true() -> None:
    Clock.objects.create(pk=1, last_tick=later(-30))
    Generation.objects.create(at=later(-100), slot=later(-100), days=28, moved_at=NOW)
    make_game(generated_through=(NOW + timedelta(days=60)).date())
    make_game()
    make_game(generation_error="GenerationError: no zone")
    make_game(recurrence="once", zone_data="older")
    create_sessions_for_game.send(1)
    job = make_job(id="pay-dealers")
    make_run(job, "succeeded", started_at=later(-20), finished_at=later(-10))
    make_run(job, "failed", finished_at=later(-5))
    make_run(job, "misfired", slot=later(-7200), covers=3)
    make_run(None, "succeeded", created_at=later(-90_000))
    Incident.objects.create(kind="job", subject="pay-dealers", said="…", opened_at=NOW)
    Incident.objects.create(kind="job", subject="another", said="…", opened_at=NOW, closed_at=NOW)

    assert read() == {
        "poker_clock_tick_age_seconds": 30,
        "poker_generation_overdue": 0,
        "poker_generation_age_seconds": 100,
        "poker_generation_done": 0,
        "poker_games": 3,
        "poker_games_lagging": 1,
        "poker_games_outdated": 1,
        "poker_games_failed": 1,
        "poker_queue_messages": {"clock": 0, "games": 1, "default": 0},
        "poker_runs_24h": {"queued": 0, "running": 0, "succeeded": 1, "failed": 1, "skipped": 0, "misfired": 1},
        "poker_job_seconds_24h": {"pay-dealers": 10},
        "poker_slots_missed_24h": 3,
        "poker_jobs_failing": 1,
        "poker_dead_letters": 1,
        "poker_incidents": {"clock": 0, "job": 1, "game": 0, "slot": 0, "overrun": 0},
        "poker_zone_data": {tzdata.IANA_VERSION: 1},
    }


def test_the_games_that_fail_are_those_that_the_dashboard_names() -> None:
    """Games played once and those whose error may pass are among them, archived ones are not."""
    make_game(generation_error="GenerationError: no zone")
    make_game(generation_error=f"{FOR_NOW}OperationalError: gone")
    make_game(recurrence="once", generation_error="GenerationError: no zone")
    make_game(status="archived", generation_error="GenerationError: no zone")

    assert read()["poker_games_failed"] == len(board.Board.at(NOW).games.rows) == 3


def test_a_game_that_is_tried_again_lags_and_is_not_settled() -> None:
    Generation.objects.create(at=NOW, days=28, moved_at=NOW)
    make_game(generated_through=(NOW + timedelta(days=60)).date(), generation_error=f"{FOR_NOW}OperationalError: gone")
    make_game(generated_through=(NOW + timedelta(days=60)).date())

    found = read()

    assert (found["poker_games"], found["poker_games_lagging"], found["poker_games_failed"]) == (2, 1, 1)
    progress = board.progress(NOW)
    assert progress
    assert progress.done == 1


def test_a_rerun_by_hand_makes_the_generation_young_and_does_not_hide_that_the_night_was_missed() -> None:
    deploy(later(-86_400))
    Generation.objects.create(at=later(-60), days=28, moved_at=NOW)

    found = read()

    assert (found["poker_generation_age_seconds"], found["poker_generation_overdue"]) == (60, 1)


def test_while_redis_is_away_everything_else_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker(), "client", connect("redis://127.0.0.1:1/0", retries=0))

    found = read()

    assert "poker_queue_messages" not in found
    assert "poker_runs_24h" in found


def test_as_many_queries_however_much_there_is_to_measure(django_assert_num_queries: Any) -> None:
    Generation.objects.create(at=NOW, days=28, moved_at=NOW)
    with django_assert_num_queries(21):
        read()

    make_games(30, generation_error="GenerationError: no zone")
    for n in range(30):
        make_run(make_job(), "failed", started_at=later(-n), finished_at=NOW)
    with django_assert_num_queries(21):
        read()
