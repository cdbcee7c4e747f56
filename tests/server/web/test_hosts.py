"""The names that this site answers to, and the probes that ask by address."""

import logging
from typing import Any

import pytest
from django.test import Client

from tests.workers.monitoring.test_health import no_database, no_redis

__all__ = ["no_database", "no_redis"]

#: As a load balancer or Kubernetes asks: by the address of the machine.
BY_IP = "10.1.2.3:8000"
HEALTH = ["/healthz", "/readyz", "/healthz/scheduler"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", HEALTH)
@pytest.mark.parametrize("host", [BY_IP, "[fd00::7]:8000", "web.poker.svc.cluster.local", "a b", ""])
def test_health_answers_whoever_asks_by_whatever_name(client: Client, path: str, host: str) -> None:
    response = client.get(path, HTTP_HOST=host)

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"


@pytest.mark.django_db
def test_a_probe_by_address_sees_that_redis_is_away(client: Client, no_redis: None) -> None:
    assert client.get("/readyz", HTTP_HOST=BY_IP).status_code == 503


def test_a_probe_by_address_sees_that_the_database_is_away(client: Client, no_database: None) -> None:
    assert client.get("/readyz", HTTP_HOST=BY_IP).status_code == 503
    assert client.get("/healthz/scheduler", HTTP_HOST=BY_IP).status_code == 503


@pytest.mark.parametrize(
    "path", ["/", "/healthz/", "/api/v1/venues/", "/admin/", "/metrics", "/static/events/pages.css"]
)
@pytest.mark.parametrize("secure", [True, False])
def test_nothing_else_answers_to_a_name_that_is_not_ours(
    client: Client, path: str, secure: bool, caplog: pytest.LogCaptureFixture, db: None
) -> None:
    with caplog.at_level(logging.INFO):
        response = client.get(path, HTTP_HOST="evil.example:81\t", secure=secure)

    assert response.status_code == 400
    assert b"evil" not in response.content
    (line,) = [record for record in caplog.records if record.name != "httpx"]
    assert line.levelno == logging.WARNING  # Sentry makes an event of an ERROR
    assert line.exc_info is None
    assert line.getMessage() == f"GET {path} asks for a host that is not in ALLOWED_HOSTS: 'evil.example:81\\t'"


def test_the_refusal_of_a_program_is_json(client: Client) -> None:
    response = client.get("/api/v1/venues/", HTTP_HOST="evil.example")

    assert response.json() == {"detail": "Not here: this site does not have the name that was asked for."}


def test_a_flood_of_wrong_names_is_no_flood_of_lines(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(50):
        assert client.get("/", HTTP_HOST="evil.example").status_code == 400

    assert 1 <= len(caplog.records) <= 30


def test_a_redirect_to_https_keeps_the_name(client: Client, settings: Any) -> None:
    response = client.get("/admin/", HTTP_HOST="localhost")

    assert (response.status_code, response["Location"]) == (301, "https://localhost/admin/")
