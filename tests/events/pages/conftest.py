"""An evening in Sydney, and how its pages are read."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
import time_machine

from events.models import Venue
from tests.factories import make_venue

NOW = datetime(2026, 3, 10, 8, 30, tzinfo=UTC)  # Tuesday, 19:30 in Sydney


@pytest.fixture(autouse=True)
def clock(settings: Any) -> Iterator[time_machine.Traveller]:
    settings.SECURE_SSL_REDIRECT = False
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def star() -> Venue:
    return make_venue(name="The Star", slug="star")


def words(response: Any) -> str:
    """What a page says, without its tags."""
    main = response.content.decode().split("<main", 1)[1].split("</main", 1)[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", f"<main{main}")).split())


def listed(response: Any) -> dict[str, list[str]]:
    """The names of the games under each title of the first page."""
    return {
        title: [night.game.name for day in days for night in day.nights] for title, days in response.context["sections"]
    }
