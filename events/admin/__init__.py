"""The desk of a venue's manager: a file for each of its pages, and what the pages share."""

from events.admin.closures import ClosureAdmin
from events.admin.dialogs import Done, dialog
from events.admin.games import GameAdmin
from events.admin.sessions import GameSessionAdmin
from events.admin.venues import VenueAdmin

__all__ = ["ClosureAdmin", "Done", "GameAdmin", "GameSessionAdmin", "VenueAdmin", "dialog"]
