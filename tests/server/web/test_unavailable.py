"""A service that is away or busy: 503 with the time to ask again, on pages, in the admin and over REST."""

import logging
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import redis
from django.contrib.auth.models import User
from django.db import connection, connections
from django.db.backends.postgresql.base import DatabaseWrapper
from django.test import Client
from rest_framework.authtoken.models import Token

from events.models import Game
from tests.factories import make_game, make_venue
from workers.broker import broker

HTTPS = {"x-forwarded-proto": "https"}


@pytest.fixture
def game(transactional_db: None) -> Game:
    return make_game(make_venue(slug="star"))


@pytest.fixture
def root(transactional_db: None) -> User:
    return User.objects.create_user("root", is_staff=True, is_superuser=True)


@pytest.fixture
def over_rest(root: User) -> Client:
    return client(authorization=f"Token {Token.objects.create(user=root).key}")


def client(**headers: str) -> Client:
    return Client(headers={**HTTPS, **headers}, raise_request_exception=False)


@pytest.fixture
def locked(game: Game) -> Iterator[Game]:
    """A game whose row another connection holds, while ours waits for no more than 100 ms."""
    other = connection.copy("other")
    connections["other"] = other
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute("SELECT 1 FROM events_venue FOR UPDATE")
        cursor.execute("SELECT 1 FROM events_game FOR UPDATE")
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    yield game
    other.close()
    connection.close()


@pytest.fixture
def no_database(game: Game) -> Iterator[None]:
    """PostgreSQL cannot be reached any more: nobody listens at its address."""
    nowhere = "host=127.0.0.1 port=1 password=hidden-from-all"
    connection.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseWrapper, "get_new_connection", lambda self, params: psycopg.connect(nowhere))
        yield
    connection.close()


def assert_one_moment(answer: Any) -> None:
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    said = answer.content.decode()
    assert "try again in a minute" in said
    assert "Traceback" not in said
    assert "hidden-from-all" not in said
    assert "127.0.0.1" not in said


def test_a_row_that_somebody_else_holds_is_a_503_over_rest(locked: Game, over_rest: Client) -> None:
    answer = over_rest.patch(f"/api/v1/games/{locked.pk}/", {"name": "Other"}, content_type="application/json")

    assert_one_moment(answer)
    assert list(answer.json()) == ["detail"]


def test_and_in_the_admin(locked: Game, root: User) -> None:
    desk = client()
    desk.force_login(root)

    assert_one_moment(desk.post("/admin/events/game/", {"action": "pause", "_selected_action": locked.pk}))


def test_a_statement_that_takes_too_long_is_a_503(locked: Game) -> None:
    with connections["other"].cursor() as cursor:
        cursor.execute("LOCK TABLE events_gamesession")
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 0")
        cursor.execute("SET statement_timeout = '100ms'")

    assert_one_moment(client().get("/"))


PATHS = ("/", "/venues/star/", "/venues/star/calendar.ics", "/sessions/1/", "/api/v1/sessions/")


@pytest.mark.parametrize("path", PATHS)
def test_without_a_database_every_page_is_a_503(path: str, no_database: None, caplog: pytest.LogCaptureFixture) -> None:
    assert_one_moment(client().get(path))

    assert "hidden-from-all" not in caplog.text
    assert "Traceback" not in caplog.text


def test_so_is_what_middleware_reads(root: User, no_database: None) -> None:
    """The session of whoever is signed in, and the token of a program."""
    desk = client()
    desk.cookies["sessionid"] = "x" * 32

    assert_one_moment(desk.get("/admin/"))
    assert_one_moment(client(authorization="Token 0123").get("/api/v1/venues/"))
    assert_one_moment(desk.post("/admin/login/", {"username": "root", "password": "x"}))


def test_an_error_of_our_own_stays_one(game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.pages.whats_on.offered", lambda: 1 / 0)

    assert client().get("/").status_code == 500


@pytest.fixture
def no_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is away: our broker's client talks to nobody."""
    monkeypatch.setattr(broker(), "client", redis.Redis(port=1, password="hidden-from-all"))


def test_without_redis_a_run_is_asked_for_all_the_same(
    over_rest: Client, no_redis: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    assert over_rest.post("/api/v1/jobs/prune_history/run/").status_code == 202
    assert over_rest.get("/admin/").status_code in (200, 302)
    assert "hidden-from-all" not in caplog.text


def test_a_page_that_needs_redis_is_a_503(game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.pages.whats_on.offered", redis.Redis(port=1).ping)

    assert_one_moment(client().get("/"))
