"""A venue with a game, and the desk of its manager."""

from __future__ import annotations

import pytest
from django.test import Client

from events.models import Game, Venue
from tests.events.admin.desk import client_of, member
from tests.events.league import full_game
from tests.factories import make_venue


@pytest.fixture
def venue() -> Venue:
    return make_venue(slug="star", name="The Star", holiday_region="AU-NSW")


@pytest.fixture
def game(venue: Venue) -> Game:
    return full_game(venue)


@pytest.fixture
def desk(venue: Venue) -> Client:
    """The desk of the manager of the venue."""
    return client_of(member("managers", venue))


@pytest.fixture
def foreign() -> Game:
    """A game of a venue that somebody else manages."""
    return full_game(make_venue(name="Hidden Harbour", slug="harbour"), name="Secret Game")
