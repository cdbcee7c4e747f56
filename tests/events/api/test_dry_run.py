"""REST: what a write would do, asked first."""

import re
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from events import sessions
from events.models import Closure, Venue
from tests.events.league import GAME, NOW, full_game, march, rows, session_on, sydney
from tests.factories import make_game, make_venue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


def test_an_edit_that_asks_first_is_answered_with_what_it_would_do(manager: APIClient, star: Venue) -> None:
    game = full_game(star)
    sessions.cancel(session_on(game, "03-12").pk, "", now=NOW)
    sessions.move(session_on(game, "03-19").pk, sydney("03-20 12:00"), now=NOW)
    before = rows()

    response = manager.patch(f"/api/v1/games/{game.pk}/?dry_run=true", {"start_time": "20:00"})

    assert response.status_code == 200
    assert response.json() == {
        "summary": "2 sessions move, 1 edited by hand stays, 1 cancelled stays",
        "created": 0,
        "moved": 2,
        "cancelled": 0,
        "restored": 0,
        "removed": 0,
        "edited_stay": 1,
        "cancelled_stay": 1,
    }
    assert rows() == before


DRY: list[tuple[str, str, dict[str, Any], str]] = [
    ("post", "games/", GAME, "4 sessions are added"),
    ("put", "games/{game}/", GAME | {"recurrence": "daily", "weekdays": []}, "23 sessions are added"),
    ("patch", "games/{game}/", {"status": "archived"}, "4 sessions are removed"),
    ("patch", "games/{game}/", {"exceptions": [{"date": "2026-03-19", "kind": "exclude"}]}, "1 session is cancelled"),
    ("post", "games/{game}/split/", {"from_date": "2026-03-20", "start_time": "20:00"}, "2 sessions move"),
    ("patch", "venues/star/", {"timezone": "Australia/Perth"}, "4 sessions move"),
    (
        "post",
        "closures/",
        {"venue": "star", "first_date": "2026-03-12", "last_date": "2026-03-19", "reason": "flood"},
        "2 sessions are cancelled",
    ),
    ("delete", "closures/{closure}/", {}, "1 session is restored"),
    ("delete", "games/{empty}/", {}, "no session changes"),
    ("delete", "venues/empty/", {}, "no session changes"),
]


@pytest.mark.parametrize(("method", "path", "data", "summary"), DRY)
def test_every_edit_can_be_asked_first(
    method: str, path: str, data: dict[str, Any], summary: str, root: APIClient, star: Venue
) -> None:
    game, empty = full_game(star), make_game(make_venue(slug="lone"))
    make_venue(slug="empty")
    closure = Closure(venue=star, first_date=march("04-02"), last_date=march("04-02"), reason="works")
    if "closure" in path:
        closure.save(now=NOW)
    before = rows()

    address = "/api/v1/" + path.format(game=game.pk, empty=empty.pk, closure=closure.pk)
    response = getattr(root, method)(f"{address}?dry_run=true", data)

    assert response.status_code == 200, response.content
    assert response.json()["summary"] == summary
    assert rows() == before


def test_an_edit_that_asks_first_is_refused_as_it_would_be(manager: APIClient, root: APIClient, star: Venue) -> None:
    game = full_game(star)
    before = rows()

    assert manager.patch(f"/api/v1/games/{game.pk}/?dry_run=true", {"interval": 0}).status_code == 400
    for path, why in (
        (f"games/{game.pk}/", "It has sessions: set status to archived instead."),
        ("venues/star/", "It has games: set active to false instead."),
    ):
        for query in ("", "?dry_run=true"):
            response = root.delete(f"/api/v1/{path}{query}")
            assert (response.status_code, response.json()) == (400, {"non_field_errors": [why]})
    assert rows() == before


@pytest.mark.parametrize("asked", ["yes", "2", ""])
def test_a_rehearsal_is_asked_for_in_plain_words_or_nothing_is_done(
    asked: str, manager: APIClient, star: Venue
) -> None:
    game = full_game(star)
    before = rows()

    response = manager.patch(f"/api/v1/games/{game.pk}/?dry_run={asked}", {"start_time": "20:00"})

    assert (response.status_code, list(response.json())) == (400, ["dry_run"])
    assert rows() == before


def test_generating_and_what_is_done_to_a_session_can_be_asked_first(manager: APIClient, star: Venue) -> None:
    game = full_game(star)
    session = session_on(game, "03-12")
    before = rows()

    generated = manager.post(f"/api/v1/games/{game.pk}/generate/?dry_run=true", {"days": 60})
    cancelled = manager.post(f"/api/v1/sessions/{session.pk}/cancel/?dry_run=true", {"reason": "flood"})

    assert generated.json()["created"] > 0
    assert cancelled.json()["status"] == "cancelled"
    assert rows() == before


def test_the_schema_says_what_a_dry_run_answers() -> None:
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    asked_first = [
        operation
        for methods in paths.values()
        for operation in methods.values()
        if any(each["name"] == "dry_run" for each in operation.get("parameters", []))
    ]
    told = {re.findall(r"schemas/(\w+)", str(operation["responses"]["200"]))[0] for operation in asked_first}

    assert told == {"Changes", "VenueOrChanges", "GameOrChanges", "ClosureOrChanges", "Generated", "Session"}
