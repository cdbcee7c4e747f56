"""The site of the desks as a whole, those of other packages included."""

import pytest
from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.contrib.auth.models import User
from django.db.models import DateTimeField
from django.test import Client


def test_no_desk_has_postgresql_turn_instants_into_dates() -> None:
    """A date hierarchy does so, by PostgreSQL's own data of the zones, and in the zone of the settings."""
    wrong = [
        f"{desk}.{desk.date_hierarchy}"
        for desk in admin.site._registry.values()
        if desk.date_hierarchy and isinstance(get_fields_from_path(desk.model, desk.date_hierarchy)[-1], DateTimeField)
    ]

    assert wrong == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "next_", ["", "https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example", None]
)
def test_a_login_that_leads_nowhere_of_ours_leads_to_the_desk(client: Client, next_: str | None) -> None:
    User.objects.create_superuser("root", password="a long password")
    asked = {} if next_ is None else {"next": next_}

    answer = client.post(
        "/admin/login/", {"username": "root", "password": "a long password", **asked}, query_params=asked, secure=True
    )

    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    again = client.get("/admin/login/", query_params=asked, secure=True)
    assert (again.status_code, again["Location"]) == (302, "/admin/")


@pytest.mark.django_db
def test_a_login_leads_where_it_was_asked_for(client: Client) -> None:
    User.objects.create_superuser("root", password="a long password")

    sent = {"username": "root", "password": "a long password", "next": "/admin/events/game/"}

    assert client.post("/admin/login/", sent, secure=True)["Location"] == "/admin/events/game/"
