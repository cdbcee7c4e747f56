"""The only writer of game sessions: fill, follow an edit, cancel, move, restore, split."""

from events.changes import Changes
from events.sessions.by_hand import cancel, move, note, restore
from events.sessions.filling import create_sessions_for_game, create_sessions_for_games
from events.sessions.preview import preview
from events.sessions.reading import GenerationError, today_at
from events.sessions.settling import settle
from events.sessions.splitting import split
from events.sessions.windows import MAX_WINDOW_DAYS, WindowError, window
from events.sessions.writing import mark_failed

__all__ = [
    "MAX_WINDOW_DAYS",
    "Changes",
    "GenerationError",
    "WindowError",
    "cancel",
    "create_sessions_for_game",
    "create_sessions_for_games",
    "mark_failed",
    "move",
    "note",
    "preview",
    "restore",
    "settle",
    "split",
    "today_at",
    "window",
]
