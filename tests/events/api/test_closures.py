"""REST: closures, and what is refused of them."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from events.models import Closure, Venue
from tests.events.conftest import get
from tests.events.league import NOW, TODAY, full_game, march, rows, session_on
from tests.factories import make_venue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


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


def test_closures_are_found_by_venue(anyone: APIClient, star: Venue) -> None:
    for venue in (star, make_venue()):
        Closure.objects.bulk_create([Closure(venue=venue, first_date=TODAY, last_date=TODAY, reason="works")])

    assert [row["venue"] for row in get(anyone, "closures/", venue="star")["results"]] == ["star"]


@pytest.mark.parametrize(
    ("fields", "field", "fix"),
    [
        ({"last_date": "2026-03-11"}, "last_date", "take first_date or a later date"),
        ({"first_date": "soon"}, "first_date", "YYYY-MM-DD"),
        ({"reason": ""}, "reason", "blank"),
        ({"venue": "nowhere"}, "venue", "take the slug of one of yours"),
        ({"venue": "a\x00b"}, "non_field_errors", "cannot be stored"),
    ],
)
def test_a_closure_that_makes_no_sense_is_refused_with_the_field_and_the_fix(
    fields: dict[str, Any], field: str, fix: str, manager: APIClient, star: Venue
) -> None:
    game = full_game(star)
    good = {"venue": "star", "first_date": "2026-03-12", "last_date": "2026-03-12", "reason": "flood"}
    closure = Closure.objects.get(pk=manager.post("/api/v1/closures/", good).json()["id"])
    before = rows()

    for response in (
        manager.post("/api/v1/closures/", good | fields),
        manager.patch(f"/api/v1/closures/{closure.pk}/", fields),
    ):
        assert response.status_code == 400
        assert fix in response.json()[field][0]
    assert rows() == before
    assert session_on(game, "03-12").cancelled_by == "closure"
