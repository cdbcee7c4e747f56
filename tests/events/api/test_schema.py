"""REST: the schema and its page."""

from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


def test_the_schema_is_valid_and_leaves_nothing_to_guess(tmp_path: Any) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))

    schema = (tmp_path / "schema.yml").read_text()
    for path in ("games/{id}/preview/", "games/{id}/split/", "sessions/{id}/move/", "closures/{id}/", "venues/{slug}/"):
        assert f"/api/v1/{path}:" in schema


def test_the_schema_and_its_page_are_served(anyone: APIClient) -> None:
    assert anyone.get("/api/schema/").status_code == 200
    page = anyone.get("/api/v1/", follow=True)
    assert page.redirect_chain == [("/api/docs/", 302)]
    assert page.status_code == 200
    assert "https://" not in page.content.decode()
