"""Health, as a platform's probes see it: over plain HTTP, without a login."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import tzdata
from django.db import connection
from django.test import Client

from tests.workers.monitoring.clock import NOW, SLOT, generated, ticked

#: What readiness says of the data that zones are read from; it decides nothing.
DATA = {"zone_data": tzdata.IANA_VERSION}


@pytest.fixture
def no_redis(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1"


@pytest.fixture
def no_database(transactional_db: None) -> Iterator[None]:
    connection.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        patch.setitem(connection.settings_dict, "PORT", "1")
        yield
        connection.close()


# --- Alive and ready --------------------------------------------------------------------------------------


def test_alive_asks_nobody(client: Client, no_redis: None, django_assert_num_queries: Any, db: None) -> None:
    with django_assert_num_queries(0):
        response = client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_ready_when_both_services_answer(client: Client, db: None) -> None:
    response = client.get("/readyz")

    assert (response.status_code, response.json()) == (200, {"database": True, "redis": True, **DATA})


def test_not_ready_without_redis(client: Client, db: None, no_redis: None) -> None:
    response = client.get("/readyz")

    assert (response.status_code, response.json()) == (503, {"database": True, "redis": False, **DATA})


def test_not_ready_without_the_database(client: Client, no_database: None) -> None:
    response = client.get("/readyz")

    assert (response.status_code, response.json()) == (503, {"database": False, "redis": True, **DATA})


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/healthz/scheduler"])
def test_no_answer_is_kept_by_a_cache(client: Client, db: None, path: str) -> None:
    assert "no-store" in client.get(path).headers["Cache-Control"]


# --- The clock --------------------------------------------------------------------------------------------


def test_the_clock_starts_with_nothing_to_show(client: Client, db: None, settings: Any) -> None:
    settings.TICK_OVERDUE_SECONDS = 3600  # the tables were made when these tests began
    response = client.get("/healthz/scheduler")

    assert response.status_code == 200
    assert response.json() == {"status": "starting", "last_tick": None, "last_generation": None, "reasons": []}


def test_an_overdue_clock_answers_503(client: Client, db: None) -> None:
    ticked(NOW - timedelta(days=10_000))
    generated(SLOT - timedelta(days=10_000))

    response = client.get("/healthz/scheduler")

    assert response.status_code == 503
    assert response.json()["status"] == "overdue"
    assert response.json()["last_tick"] == (NOW - timedelta(days=10_000)).isoformat().replace("+00:00", "Z")


def test_without_the_database_the_clock_counts_as_overdue(client: Client, no_database: None) -> None:
    response = client.get("/healthz/scheduler")

    assert (response.status_code, response.json()["reasons"]) == (503, ["no database"])
