"""REST: who asks, by token, and how often."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from rest_framework.test import APIClient
from rest_framework.throttling import SimpleRateThrottle

from events.models import Venue
from server.web.clients import Throttle
from tests.events.conftest import As, make_user
from tests.events.league import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


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
