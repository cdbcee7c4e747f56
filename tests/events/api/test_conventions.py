"""REST: what every list and every body keeps to."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from events.models import Closure, Game, GameDate, Venue
from tests.events.conftest import As, get, make_user
from tests.events.league import GAME, TODAY, full_game, rows, session_on
from tests.factories import make_game, make_games, make_venue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


# --- Lists --------------------------------------------------------------------------------------------------


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


def test_a_parameter_that_no_list_knows_is_refused(anyone: APIClient) -> None:
    response = anyone.get("/api/v1/sessions/?froom=2026-03-10")

    assert (response.status_code, list(response.json())) == (400, ["froom"])


@pytest.mark.parametrize(
    ("name", "fields"), [("games", "name,-start_time"), ("venues", "-name"), ("closures", "last_date")]
)
def test_lists_are_ordered_as_asked(name: str, fields: str, anyone: APIClient, star: Venue) -> None:
    full_game(star, name="B")
    full_game(star, name="A")

    response = anyone.get(f"/api/v1/{name}/?ordering={fields}")

    assert response.status_code == 200
    if name == "games":
        assert [game["name"] for game in response.json()["results"]] == ["A", "B"]


@pytest.mark.parametrize("path", ["games/", "venues/", "closures/"])
def test_a_list_takes_as_many_queries_whoever_asks_and_however_long_it_is(
    path: str, client_of: As, anyone: APIClient, django_assert_max_num_queries: Any
) -> None:
    venues = [make_venue() for _ in range(30)]
    for venue in venues:
        game = make_game(venue)
        GameDate.objects.bulk_create([GameDate(game=game, date=TODAY)])
        Closure.objects.bulk_create([Closure(venue=venue, first_date=TODAY, last_date=TODAY, reason="works")])

    for client in (anyone, client_of(make_user("manager", *venues)), client_of(make_user("staff", is_staff=True))):
        with django_assert_max_num_queries(5):
            assert get(client, path)["count"] == 30


# --- Bodies -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["{", "[]", '"text"', "null", "[{}]"])
def test_a_body_that_is_no_object_is_refused(body: str, manager: APIClient, star: Venue) -> None:
    game = full_game(star)
    session = session_on(game, "03-12")
    before = rows()

    for path in ("games/", f"games/{game.pk}/generate/", f"games/{game.pk}/split/", f"sessions/{session.pk}/move/"):
        response = manager.generic("POST", f"/api/v1/{path}", body, "application/json")
        assert response.status_code == 400, path
        assert list(response.json()) == ["non_field_errors"]
    assert rows() == before


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
