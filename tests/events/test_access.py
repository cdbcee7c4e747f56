"""Role × endpoint × object: who may do what to which, as one table."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from events import sessions
from events.models import Closure, Venue
from tests.events.conftest import As, make_user
from tests.events.league import GAME, NOW, full_game, march, rows, session_on
from tests.factories import make_game, make_venue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]

ROLES = ("anonymous", "user", "manager", "other manager", "staff", "permitted", "superuser")


@pytest.fixture
def place() -> dict[str, Any]:
    """What addresses name: the rows of one venue."""
    venue = make_venue(slug="star", name="The Star")
    game = full_game(venue)
    closure = Closure(venue=venue, first_date=march("05-01"), last_date=march("05-02"), reason="works")
    closure.save(now=NOW)
    tombstone = sessions.cancel(session_on(game, "03-19").pk, "", now=NOW)
    return {
        "venue": venue,
        "game": game.pk,
        "empty_game": make_game(venue).pk,
        "empty_venue": make_venue(slug="empty").slug,
        "closure": closure.pk,
        "session": session_on(game, "03-12").pk,
        "tombstone": tombstone.pk,
    }


def user_of(role: str, place: dict[str, Any], model: str) -> User | None:
    match role:
        case "anonymous":
            return None
        case "user":
            return make_user("user")
        case "manager":
            return make_user("manager", place["venue"])
        case "other manager":
            return make_user("other", make_venue(slug="other"))
        case "staff":
            return make_user("staff", is_staff=True)
        case "permitted":
            names = " ".join(f"{action}_{model}" for action in ("add", "change", "delete"))
            return make_user("permitted", is_staff=True, permissions=names)
        case _:
            return make_user("root", is_staff=True, is_superuser=True)


CLOSURE = {"first_date": "2026-06-01", "last_date": "2026-06-02", "reason": "flood"}

# Method, address, what is sent, and the answers to, in turn:
# anonymous, a user without venues, the venue's manager, another's, staff without and with permission, superuser.
TABLE: list[tuple[str, str, dict[str, Any], tuple[int, ...]]] = [
    ("GET", "venues/", {}, (200,) * 7),
    ("GET", "venues/star/", {}, (200,) * 7),
    ("POST", "venues/", {"slug": "new", "name": "New"}, (401, 403, 403, 403, 403, 201, 201)),
    (
        "PUT",
        "venues/star/",
        {"slug": "star", "name": "The Star", "timezone": "Australia/Perth"},
        (401, 403, 200, 404, 403, 200, 200),
    ),
    ("PATCH", "venues/star/", {"timezone": "Australia/Perth"}, (401, 403, 200, 404, 403, 200, 200)),
    ("PATCH", "venues/star/?dry_run=true", {"active": False}, (401, 403, 200, 404, 403, 200, 200)),
    ("DELETE", "venues/star/", {}, (401, 403, 403, 403, 403, 400, 400)),
    ("DELETE", "venues/{empty_venue}/", {}, (401, 403, 403, 403, 403, 204, 204)),
    ("GET", "games/", {}, (200,) * 7),
    ("GET", "games/{game}/", {}, (200,) * 7),
    ("GET", "games/{game}/preview/", {}, (200,) * 7),
    ("POST", "games/", GAME, (401, 403, 201, 400, 403, 201, 201)),
    ("PUT", "games/{game}/", GAME, (401, 403, 200, 404, 403, 200, 200)),
    ("PATCH", "games/{game}/", {"start_time": "20:00"}, (401, 403, 200, 404, 403, 200, 200)),
    ("PATCH", "games/{game}/?dry_run=1", {"start_time": "20:00"}, (401, 403, 200, 404, 403, 200, 200)),
    ("POST", "games/{game}/generate/", {"days": 60}, (401, 403, 200, 404, 403, 200, 200)),
    (
        "POST",
        "games/{game}/split/",
        {"from_date": "2026-03-20", "start_time": "20:00"},
        (401, 403, 201, 404, 403, 201, 201),
    ),
    ("DELETE", "games/{game}/", {}, (401, 403, 400, 404, 403, 400, 400)),
    ("DELETE", "games/{empty_game}/", {}, (401, 403, 204, 404, 403, 204, 204)),
    ("GET", "closures/", {}, (200,) * 7),
    ("GET", "closures/{closure}/", {}, (200,) * 7),
    ("POST", "closures/", CLOSURE | {"venue": "star"}, (401, 403, 201, 400, 403, 201, 201)),
    ("PUT", "closures/{closure}/", CLOSURE | {"venue": "star"}, (401, 403, 200, 404, 403, 200, 200)),
    ("PATCH", "closures/{closure}/", {"reason": "flood"}, (401, 403, 200, 404, 403, 200, 200)),
    ("DELETE", "closures/{closure}/", {}, (401, 403, 204, 404, 403, 204, 204)),
    ("GET", "sessions/", {}, (200,) * 7),
    ("GET", "sessions/{session}/", {}, (200,) * 7),
    ("POST", "sessions/{session}/cancel/", {"reason": "ill"}, (401, 403, 200, 404, 403, 200, 200)),
    ("POST", "sessions/{tombstone}/restore/", {}, (401, 403, 200, 404, 403, 200, 200)),
    (
        "POST",
        "sessions/{session}/move/",
        {"starts_at": "2026-03-12T20:00"},
        (401, 403, 200, 404, 403, 200, 200),
    ),
    # Sessions are written by the engine alone.
    ("POST", "sessions/", {"game": 1}, (401, 403, 403, 403, 403, 405, 405)),
    ("PUT", "sessions/{session}/", {}, (401, 403, 405, 405, 403, 405, 405)),
    ("PATCH", "sessions/{session}/", {"status": "cancelled"}, (401, 403, 405, 405, 403, 405, 405)),
    ("DELETE", "sessions/{session}/", {}, (401, 403, 403, 403, 403, 405, 405)),
    # What does not exist.
    ("GET", "venues/nowhere/", {}, (404,) * 7),
    ("GET", "games/999999/", {}, (404,) * 7),
    ("GET", "games/abc/", {}, (404,) * 7),
    ("GET", "sessions/999999/", {}, (404,) * 7),
    ("GET", "sessions/abc/", {}, (404,) * 7),
    ("GET", "closures/99999999999999999999/", {}, (404,) * 7),
    ("POST", "sessions/99999999999999999999/cancel/", {}, (401, 403, 404, 404, 403, 404, 404)),
    ("PROPFIND", "games/{game}/", {}, (401, 403, 405, 405, 403, 405, 405)),
]


MODELS = {"venues": "venue", "games": "game", "sessions": "gamesession", "closures": "closure"}


@pytest.mark.parametrize(
    ("method", "path", "data", "expected"), [pytest.param(*row, id=f"{row[0]} {row[1]}") for row in TABLE]
)
def test_a_request_is_answered_by_who_asks(
    method: str, path: str, data: dict[str, Any], expected: tuple[int, ...], place: dict[str, Any], client_of: As
) -> None:
    model = MODELS[path.split("/")[0]]
    clients = {role: client_of(user_of(role, place, model)) for role in ROLES}
    before = rows()

    answers = []
    for client in clients.values():
        with undone():
            response = client.generic(
                method, "/api/v1/" + path.format(**place), json.dumps(data) if data else "", "application/json"
            )
            answers.append(response.status_code)
            writes = response.status_code < 400 and method != "GET" and "dry_run" not in path
            assert (rows() != before) is writes
            if response.status_code in (401, 403, 404):
                assert list(response.json()) == ["detail"]

    assert dict(zip(ROLES, answers, strict=True)) == dict(zip(ROLES, expected, strict=True))


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


# --- What a manager may not reach by naming it --------------------------------------------------------------


def test_a_manager_cannot_give_a_game_to_a_venue_of_another(client_of: As, place: dict[str, Any]) -> None:
    make_venue(slug="other")
    client = client_of(make_user("manager", place["venue"]))
    before = rows()

    for path in (f"games/{place['game']}/", f"closures/{place['closure']}/"):
        response = client.patch(f"/api/v1/{path}", {"venue": "other"})
        assert response.status_code == 400
        assert response.json() == {
            "venue": ['There is no venue "other" among those you may change: take the slug of one of yours.']
        }
    assert rows() == before


def test_a_manager_may_give_a_game_to_another_venue_of_their_own(client_of: As, place: dict[str, Any]) -> None:
    other = make_venue(slug="other")
    client = client_of(make_user("manager", place["venue"], other))

    assert client.patch(f"/api/v1/games/{place['game']}/", {"venue": "other"}).json()["venue"] == "other"


def test_staff_who_may_only_add_neither_change_nor_delete(client_of: As, place: dict[str, Any]) -> None:
    client = client_of(make_user("staff", is_staff=True, permissions="add_game"))

    assert client.post("/api/v1/games/", GAME).status_code == 201
    assert client.patch(f"/api/v1/games/{place['game']}/", {"name": "Late"}).status_code == 403
    assert client.delete(f"/api/v1/games/{place['empty_game']}/").status_code == 403


def test_a_permission_without_being_staff_gives_nothing(client_of: As, place: dict[str, Any]) -> None:
    client = client_of(make_user("user", permissions="change_game add_game delete_game"))

    assert client.patch(f"/api/v1/games/{place['game']}/", {"name": "Late"}).status_code == 403


def test_staff_who_manage_a_venue_may_write_that_one_without_a_permission(client_of: As, place: dict[str, Any]) -> None:
    client = client_of(make_user("staff", place["venue"], is_staff=True))
    foreign = make_game(make_venue(slug="other"))

    assert client.patch(f"/api/v1/games/{place['game']}/", {"name": "Late"}).status_code == 200
    assert client.patch(f"/api/v1/games/{foreign.pk}/", {"name": "Late"}).status_code == 404


def test_one_who_no_longer_manages_the_venue_may_write_no_more(client_of: As, place: dict[str, Any]) -> None:
    user = make_user("manager", place["venue"])
    place["venue"].managers.clear()

    assert client_of(user).patch(f"/api/v1/games/{place['game']}/", {"name": "Late"}).status_code == 403


# --- Contacts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "shown"),
    list(zip(ROLES, (False, False, True, False, True, True, True), strict=True)),
)
def test_the_e_mail_address_of_a_venue_is_shown_to_staff_and_to_its_managers(
    role: str, shown: bool, client_of: As, place: dict[str, Any]
) -> None:
    place["venue"].contact_email = "floor@star.example"
    place["venue"].save(now=NOW)
    client = client_of(user_of(role, place, "venue"))

    one = client.get("/api/v1/venues/star/").json()
    (listed,) = (each for each in client.get("/api/v1/venues/").json()["results"] if each["slug"] == "star")

    assert one == listed
    assert one.get("contact_email") == ("floor@star.example" if shown else None)
    assert ("contact_email" in one) is shown


def test_no_answer_names_a_venues_managers(client_of: As, place: dict[str, Any]) -> None:
    make_user("manager-of-star", place["venue"])

    for path in ("venues/", "venues/star/", "games/", "sessions/"):
        assert b"manager" not in client_of(None).get(f"/api/v1/{path}").content


@pytest.mark.parametrize(("role", "status"), [("manager", 400), ("permitted", 200)])
def test_where_a_venue_is_found_is_not_its_managers_to_say(
    client_of: As, place: dict[str, Any], role: str, status: int
) -> None:
    client = client_of(user_of(role, place, "venue"))

    answer = client.patch("/api/v1/venues/star/", {"slug": "the-star"})

    assert answer.status_code == status
    assert status == 200 or "ask an administrator" in answer.json()["slug"][0]
    slug = Venue.objects.get(name="The Star").slug
    assert client.patch(f"/api/v1/venues/{slug}/", {"slug": slug}).status_code == 200
