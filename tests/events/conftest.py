"""Clients of the REST API, each in one evening in Sydney."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from events.models import Venue
from tests.events.league import NOW
from tests.factories import make_venue

#: Gives a client that says who it is by its token.
As = Callable[[User | None], APIClient]


@pytest.fixture
def client_of() -> As:
    def client_of(user: User | None) -> APIClient:
        headers = {"x-forwarded-proto": "https"}  # as the platform's router says
        if user:
            headers["authorization"] = f"Token {Token.objects.get_or_create(user=user)[0].key}"
        return APIClient(headers=headers)

    return client_of


@pytest.fixture
def now(settings: Any) -> Iterator[None]:
    """It is 13:00 in Sydney, and calendars are kept for 28 days."""
    settings.LOOKAHEAD_DAYS = 28
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def star() -> Venue:
    return make_venue(slug="star", name="The Star", holiday_region="AU-NSW")


@pytest.fixture
def anyone(client_of: As) -> APIClient:
    return client_of(None)


@pytest.fixture
def manager(client_of: As, star: Venue) -> APIClient:
    return client_of(make_user("manager", star))


@pytest.fixture
def root(client_of: As) -> APIClient:
    return client_of(make_user("root", is_staff=True, is_superuser=True))


def get(client: APIClient, path: str, **query: Any) -> Any:
    response = client.get(f"/api/v1/{path}", query)
    assert response.status_code == 200, response.content
    return response.json()


def slot_dates(answer: dict[str, Any]) -> list[str]:
    return [row["slot_date"][5:] for row in answer["results"]]


def make_user(name: str, *venues: Venue, permissions: str = "", **fields: Any) -> User:
    """A user who manages `venues`; `permissions` are named as in `change_game add_game`."""
    user = User.objects.create(username=name, **fields)
    user.venues.set(venues)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions.split()))
    return user
