"""REST: venues, and what is refused of them."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from events.models import Venue
from tests.events.conftest import get
from tests.events.league import full_game, rows
from tests.factories import make_venue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


def test_the_shape_of_a_venue(anyone: APIClient, star: Venue) -> None:
    assert get(anyone, "venues/star/") == {
        "slug": "star",
        "name": "The Star",
        "timezone": "Australia/Sydney",
        "holiday_region": "AU-NSW",
        "active": True,
    }


@pytest.mark.parametrize(
    ("fields", "field", "fix"),
    [
        ({"timezone": "Sydney"}, "timezone", "take an IANA name such as Australia/Sydney"),
        ({"timezone": "Australia"}, "timezone", "take an IANA name"),
        ({"timezone": "../UTC"}, "timezone", "take an IANA name"),
        ({"timezone": ""}, "timezone", "blank"),
        ({"holiday_region": "XX"}, "holiday_region", "take an ISO 3166-2 code such as AU-NSW"),
        ({"holiday_region": "AU-XX"}, "holiday_region", "take an ISO 3166-2 code such as AU-ACT"),
        ({"holiday_region": "AU-"}, "holiday_region", "take an ISO 3166-2 code"),
        ({"holiday_region": "au-nsw"}, "holiday_region", "take an ISO 3166-2 code"),
        ({"slug": "two words"}, "slug", "letters, numbers"),
        ({"slug": "crown"}, "slug", "already exists"),
        ({"contact_email": "nobody"}, "contact_email", "valid email"),
        ({"managers": [1]}, "managers", "the fields are slug, name"),
    ],
)
def test_a_venue_that_makes_no_sense_is_refused_with_the_field_and_the_fix(
    fields: dict[str, Any], field: str, fix: str, root: APIClient, star: Venue
) -> None:
    full_game(star)
    make_venue(slug="crown")
    before = rows()

    for response in (
        root.post("/api/v1/venues/", {"slug": "new", "name": "New"} | fields),
        root.patch("/api/v1/venues/star/", fields),
    ):
        assert response.status_code == 400
        assert fix in response.json()[field][0]
    assert rows() == before


@pytest.mark.parametrize("zone", ["localtime", "posixrules", "Factory"])
def test_a_zone_that_means_what_the_machine_means_is_refused(zone: str, root: APIClient, star: Venue) -> None:
    response = root.patch("/api/v1/venues/star/", {"timezone": zone})

    assert (response.status_code, list(response.json())) == (400, ["timezone"])
