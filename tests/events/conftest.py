"""A client of the REST API, and nothing left of the throttling of the test before."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from events.models import Venue

#: Gives a client that says who it is by its token.
As = Callable[[User | None], APIClient]


@pytest.fixture(autouse=True)
def _unthrottled() -> None:
    cache.clear()


@pytest.fixture
def client_of() -> As:
    def client_of(user: User | None) -> APIClient:
        headers = {"x-forwarded-proto": "https"}  # as the platform's router says
        if user:
            headers["authorization"] = f"Token {Token.objects.get_or_create(user=user)[0].key}"
        return APIClient(headers=headers)

    return client_of


def make_user(name: str, *venues: Venue, permissions: str = "", **fields: Any) -> User:
    """A user who manages `venues`; `permissions` are named as in `change_game add_game`."""
    user = User.objects.create(username=name, **fields)
    user.venues.set(venues)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions.split()))
    return user
