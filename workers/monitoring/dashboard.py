"""The admin's front page: whether the calendar is whole, at a glance."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from events.models import Game
from workers import generation, runs
from workers.models import Run
from workers.monitoring.board import Board

COLOURS = {
    "queued": "#60a5fa",
    "running": "#3b82f6",
    "succeeded": "#22c55e",
    "failed": "#ef4444",
    "skipped": "#f59e0b",
    "misfired": "#d97706",
}


def add_board(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's callback. Operators see the clock; everybody else the list of what they may edit."""
    if not request.user.has_perm("workers.view_run"):
        return context
    board = Board.at(timezone.now())
    bars = {
        "data": list(board.states.values()),
        "backgroundColor": [COLOURS[state] for state in board.states],
        "maxBarThickness": 28,
        "borderRadius": 4,
    }
    return context | {
        "board": board,
        "runs_now": list(board.states.values()),
        "runs_chart": json.dumps({"labels": list(board.states), "datasets": [bars]}),
        "slowest_table": {
            "headers": ["Job", "On average", "Runs"],
            "rows": [[row["name"], f"{row['took'].total_seconds():.2f} s", row["runs"]] for row in board.slowest],
        },
    }


@require_POST
@staff_member_required
def retry_run(request: HttpRequest, run_id: str) -> HttpResponse:
    """Do again what a dead letter should have done."""
    if not request.user.has_perm("workers.change_run"):
        raise PermissionDenied
    try:
        again = runs.retry(get_object_or_404(Run, pk=run_id), by=request.user.get_username(), now=timezone.now())
        messages.success(request, f"{again} is asked for again.")
    except ValueError as error:
        messages.error(request, str(error))
    return redirect("admin:index")


@require_POST
@staff_member_required
def retry_game(request: HttpRequest, game_id: int) -> HttpResponse:
    """Try a failing game again, here and now."""
    if not request.user.has_perm("workers.change_run"):
        raise PermissionDenied
    game = get_object_or_404(Game, pk=game_id)
    generation.create_sessions(game.pk, None, None, now=timezone.now(), last_try=True, apart=True)
    game.refresh_from_db()
    if game.is_failing:
        messages.error(request, f"{game} fails still: {game.generation_error}")
    else:
        messages.success(request, f"{game} is in the calendar again.")
    return redirect("admin:index")
