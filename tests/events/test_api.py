"""REST: the shapes of objects and lists, tokens, throttling and the schema. Who may do what is in test_access."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient
from rest_framework.throttling import SimpleRateThrottle

from events import sessions
from events.models import Closure, Game, GameDate, Venue
from server.web.clients import Throttle
from tests.events.conftest import As, get, make_user
from tests.events.league import GAME, NOW, TODAY, full_game, march, session_on
from tests.factories import make_game, make_games, make_venue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


# --- Shapes -------------------------------------------------------------------------------------------------


def test_a_list_answers_its_count_its_neighbours_and_its_results(anyone: APIClient) -> None:
    make_games(3)

    first = get(anyone, "games/", page_size=2)
    assert list(first) == ["count", "next", "previous", "results"]
    assert (first["count"], first["previous"], len(first["results"])) == (3, None, 2)
    assert first["next"].endswith("/api/v1/games/?page=2&page_size=2")

    last = get(anyone, "games/", page_size=2, page=2)
    assert (last["count"], last["next"], len(last["results"])) == (3, None, 1)


def test_a_page_that_does_not_exist_is_not_found(anyone: APIClient) -> None:
    assert anyone.get("/api/v1/games/?page=2").status_code == 404


def test_a_page_holds_a_hundred_and_five_hundred_at_most(anyone: APIClient) -> None:
    make_games(501)

    assert len(get(anyone, "games/")["results"]) == 100
    assert len(get(anyone, "games/", page_size=100_000)["results"]) == 500


def test_the_shape_of_a_venue(anyone: APIClient, star: Venue) -> None:
    assert get(anyone, "venues/star/") == {
        "slug": "star",
        "name": "The Star",
        "timezone": "Australia/Sydney",
        "holiday_region": "AU-NSW",
        "active": True,
    }


def test_the_shape_of_a_game(anyone: APIClient, star: Venue) -> None:
    game = full_game(star, interval=2, buy_in=50, end_date=march("05-28"))
    GameDate(game=game, date=march("03-26"), reason="cup final").save(now=NOW)

    assert get(anyone, f"games/{game.pk}/") == {
        "id": game.pk,
        "venue": "star",
        "name": game.name,
        "status": "active",
        "recurrence": "weekly",
        "interval": 2,
        "weekdays": ["thu"],
        "month_day": None,
        "nth": None,
        "month_end": "clamp",
        "start_date": "2026-01-01",
        "end_date": "2026-05-28",
        "count": None,
        "start_time": "19:00",
        "duration_minutes": 240,
        "holiday_policy": "run",
        "rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=TH;WKST=MO;UNTIL=20260528T090000Z",
        "exceptions": [{"date": "2026-03-26", "kind": "exclude", "reason": "cup final"}],
        "variant": "",
        "format": "cash",
        "buy_in": "50.00",
        "currency": "AUD",
        "seats": None,
        "notes": "",
        "generated_through": "2026-04-07",
    }


def test_the_shape_of_a_session(anyone: APIClient, star: Venue) -> None:
    game = full_game(star)
    session = sessions.cancel(session_on(game, "03-12").pk, "dealer ill", now=NOW)

    assert get(anyone, f"sessions/{session.pk}/") == {
        "id": session.pk,
        "uid": str(session.uid),
        "game": game.pk,
        "venue": "star",
        "slot_date": "2026-03-12",
        "starts_at": "2026-03-12T08:00:00Z",
        "ends_at": "2026-03-12T12:00:00Z",
        "timezone": "Australia/Sydney",
        "status": "cancelled",
        "cancel_reason": "dealer ill",
        "edited": False,
        "sequence": 1,
    }


def test_the_shape_of_a_closure(anyone: APIClient, star: Venue) -> None:
    closure = Closure(venue=star, first_date=march("03-12"), last_date=march("03-13"), reason="works")
    closure.save(now=NOW)

    assert get(anyone, f"closures/{closure.pk}/") == {
        "id": closure.pk,
        "venue": "star",
        "first_date": "2026-03-12",
        "last_date": "2026-03-13",
        "reason": "works",
    }


# --- Filters of the other lists -----------------------------------------------------------------------------


def test_games_are_found_by_venue_status_and_recurrence(anyone: APIClient, star: Venue) -> None:
    game, paused = make_game(star), make_game(star, status="paused", recurrence="weekly")
    make_game()

    def found(**query: Any) -> list[int]:
        return [row["id"] for row in get(anyone, "games/", **query)["results"]]

    assert found(venue="star") == [game.pk, paused.pk]
    assert found(venue="star", status="paused") == [paused.pk]
    assert found(recurrence="weekly") == [paused.pk]


def test_closures_are_found_by_venue(anyone: APIClient, star: Venue) -> None:
    for venue in (star, make_venue()):
        Closure.objects.bulk_create([Closure(venue=venue, first_date=TODAY, last_date=TODAY, reason="works")])

    assert [row["venue"] for row in get(anyone, "closures/", venue="star")["results"]] == ["star"]


# --- HTML ---------------------------------------------------------------------------------------------------

SCRIPT = "<script>alert('x')</script>"


def test_html_is_stored_as_it_was_typed_and_never_shown_as_html(
    manager: APIClient, star: Venue, client: Client
) -> None:
    manager.patch("/api/v1/venues/star/", {"name": f"{SCRIPT} Club"})
    created = manager.post("/api/v1/games/", GAME | {"name": SCRIPT, "variant": SCRIPT, "notes": SCRIPT})
    game = Game.objects.get(pk=created.json()["id"])
    manager.post(f"/api/v1/sessions/{session_on(game, '03-12').pk}/cancel/", {"reason": SCRIPT})
    assert (game.name, game.notes) == (SCRIPT, SCRIPT)

    answer = manager.get(f"/api/v1/games/{game.pk}/")
    assert answer.json()["name"] == SCRIPT
    assert answer["content-type"] == "application/json"
    assert answer["x-content-type-options"] == "nosniff"

    page = client.get("/", secure=True).content.decode()
    assert "<script>" not in page
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;" in page


def test_html_in_a_refusal_is_json_too(manager: APIClient, star: Venue) -> None:
    response = manager.post("/api/v1/games/", GAME | {"recurrence": SCRIPT})

    assert (response.status_code, response["content-type"]) == (400, "application/json")


# --- Tokens -------------------------------------------------------------------------------------------------


def test_a_token_is_given_for_a_password_and_stands_for_its_user(anyone: APIClient, star: Venue) -> None:
    user = User.objects.create_user("manager", password="a long password")
    user.venues.add(star)

    answer = anyone.post("/api/v1/token/", {"username": "manager", "password": "a long password"}).json()
    assert list(answer) == ["token"]

    client = APIClient(headers={"x-forwarded-proto": "https", "authorization": f"Token {answer['token']}"})
    assert client.patch("/api/v1/venues/star/", {"name": "Star"}).status_code == 200


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"username": "manager", "password": "wrong"}, "non_field_errors"),
        ({"username": "nobody", "password": "a long password"}, "non_field_errors"),
        ({"username": "manager"}, "password"),
    ],
)
def test_a_wrong_password_gets_no_token(given: dict[str, str], field: str, anyone: APIClient) -> None:
    User.objects.create_user("manager", password="a long password")

    response = anyone.post("/api/v1/token/", given)

    assert (response.status_code, list(response.json())) == (400, [field])


def test_a_token_that_nobody_has_is_refused_even_for_reading(star: Venue) -> None:
    client = APIClient(headers={"x-forwarded-proto": "https", "authorization": "Token 0123"})

    response = client.get("/api/v1/venues/")

    assert (response.status_code, list(response.json())) == (401, ["detail"])


def test_one_who_left_gets_in_no_more(client_of: As, star: Venue) -> None:
    user = make_user("manager", star)
    client = client_of(user)
    User.objects.update(is_active=False)

    assert client.patch("/api/v1/venues/star/", {"name": "Star"}).status_code == 401


# --- Throttling ---------------------------------------------------------------------------------------------


@pytest.fixture
def two_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"user": "2/min"})


@pytest.mark.usefixtures("two_a_minute")
@pytest.mark.parametrize("path", ["venues/", "games/", "sessions/", "closures/"])
def test_who_asks_too_often_is_told_to_wait(path: str, anyone: APIClient, manager: APIClient) -> None:
    for client in (anyone, manager):
        assert [client.get(f"/api/v1/{path}").status_code for _ in range(3)] == [200, 200, 429]

    refused = anyone.get(f"/api/v1/{path}")
    assert list(refused.json()) == ["detail"]
    assert int(refused["retry-after"]) <= 60
    with time_machine.travel(NOW + timedelta(seconds=61), tick=False):
        assert anyone.get(f"/api/v1/{path}").status_code == 200


@pytest.mark.usefixtures("two_a_minute")
def test_passwords_cannot_be_tried_without_end(anyone: APIClient) -> None:
    given = {"username": "manager", "password": "wrong"}

    assert [anyone.post("/api/v1/token/", given).status_code for _ in range(3)] == [400, 400, 429]


@pytest.mark.usefixtures("two_a_minute")
def test_who_claims_to_be_somebody_else_is_counted_all_the_same(star: Venue) -> None:
    """The platform's router adds the address it saw at the end; what stands before it anybody may write."""

    def ask(claimed: str) -> int:
        headers = {"x-forwarded-proto": "https", "x-forwarded-for": f"{claimed}, 203.0.113.9"}
        return APIClient(headers=headers).get("/api/v1/venues/").status_code

    assert [ask(f"10.0.0.{n}") for n in range(3)] == [200, 200, 429]


def test_the_rate_is_that_of_the_settings(settings: Any) -> None:
    rate = f"{settings.API_REQUESTS_PER_MINUTE}/min"
    assert Throttle().rate == settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]["user"] == rate


# --- The schema ---------------------------------------------------------------------------------------------


def test_the_schema_is_valid_and_leaves_nothing_to_guess(tmp_path: Any) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))

    schema = (tmp_path / "schema.yml").read_text()
    for path in ("games/{id}/preview/", "games/{id}/split/", "sessions/{id}/move/", "closures/{id}/", "venues/{slug}/"):
        assert f"/api/v1/{path}:" in schema


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


def test_the_schema_and_its_page_are_served(anyone: APIClient) -> None:
    assert anyone.get("/api/schema/").status_code == 200
    page = anyone.get("/api/v1/", follow=True)
    assert page.redirect_chain == [("/api/docs/", 302)]
    assert page.status_code == 200
    assert "https://" not in page.content.decode()
