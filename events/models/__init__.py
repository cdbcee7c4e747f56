"""Venues, their games, and the sessions that the engine keeps from them."""

from events.models.data import DataVersion
from events.models.games import (
    ENGINE_FIELDS,
    FOR_NOW,
    GIVEN_UP,
    IN_PLAY,
    MAX_DURATION_MINUTES,
    RECURRING,
    TRIED_AGAIN,
    Game,
    GameDate,
    outdated,
)
from events.models.sessions import GameSession, NewSession, SessionQuerySet, not_over
from events.models.settled import Settled
from events.models.venues import Closure, Venue
from events.slots import EARLIEST, END_OF_TIME, LATEST

__all__ = [
    "EARLIEST",
    "END_OF_TIME",
    "ENGINE_FIELDS",
    "FOR_NOW",
    "GIVEN_UP",
    "IN_PLAY",
    "LATEST",
    "MAX_DURATION_MINUTES",
    "RECURRING",
    "TRIED_AGAIN",
    "Closure",
    "DataVersion",
    "Game",
    "GameDate",
    "GameSession",
    "NewSession",
    "SessionQuerySet",
    "Settled",
    "Venue",
    "not_over",
    "outdated",
]
