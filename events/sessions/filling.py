"""Generation: the sessions that games lack in a window are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from events.models import Game
from events.sessions.planning import Plan, plan
from events.sessions.reading import GenerationError, Schedules, explained, facts_to_fill, taken
from events.sessions.settling import plans_to_settle
from events.sessions.windows import window
from events.sessions.writing import write


def create_sessions_for_game(
    game: Game, days: Iterable[date], *, now: datetime | None = None, dry_run: bool = False
) -> int:
    """Write the sessions of `game` that are missing on `days` (dates in the venue's own calendar).

    Safe to repeat and to run twice at once. `generated_through` moves in the same transaction, over the days
    that join up with it. Only an active game of an active venue is generated.
    `now` (aware) is the present unless given. With `dry_run` nothing is written.

    Returns how many were missing. Raises WindowError for days further apart than a window may be, and
    GenerationError when the game's slots cannot be worked out; then nothing is written.
    """
    wanted = sorted(set(days))
    if not wanted:
        return 0
    window(wanted[0], wanted[-1])
    lacked = create_sessions_for_games({game.pk: wanted}, now=now or timezone.now(), wait=True, dry_run=dry_run)
    return lacked.get(game.pk, 0)


def create_sessions_for_games(
    windows: Mapping[int, Sequence[date]], *, now: datetime, wait: bool = False, dry_run: bool = False
) -> dict[int, int]:
    """Write the missing sessions of many games, each id with the days of its window, in one transaction.

    Returns how many sessions each game lacked. Games that are not in the answer were left alone, so that none
    holds up the others: there is no such game, somebody else has locked it, or its slots cannot be worked out.
    With `wait` locks are waited for, and GenerationError is raised for slots that cannot be worked out.
    """
    with transaction.atomic():
        locked = Game.objects.select_for_update(no_key=True, skip_locked=not wait)
        plans, failed = _plans_to_fill(list(locked.filter(pk__in=windows).order_by("pk")), windows, now)
        if wait:
            for error in failed.values():
                raise error
        if not dry_run:
            write(plans, now)
    return {plan.game_id: len(plan.insert) for plan in plans}


def _plans_to_fill(
    games: Sequence[Game], windows: Mapping[int, Sequence[date]], now: datetime
) -> tuple[list[Plan], dict[int, Exception]]:
    """A plan for each of these locked games, and why there is none for some, by game.

    Games whose sessions were settled with other data are settled anew, over their whole window.
    """
    if not games:
        return [], {}
    first, last = min(days[0] for days in windows.values()), max(days[-1] for days in windows.values())
    outdated = [game for game in games if game.is_outdated]
    plans, failed = plans_to_settle(outdated, now, {game.pk: windows[game.pk][-1] for game in outdated})
    others = [game for game in games if not game.is_outdated]
    dates = taken(others, first, last)
    lacking = []
    for game in others:
        if _is_whole(game, windows[game.pk], dates[game.pk]):
            plans.append(Plan(game.pk))
        else:
            lacking.append(game)
    schedules = Schedules(lacking, first, last)
    for game in lacking:
        try:
            with explained():
                plans.append(plan(facts_to_fill(game, windows[game.pk], schedules, dates[game.pk]), (), now))
        except GenerationError as error:
            failed[game.pk] = error
    return plans, failed


def _is_whole(game: Game, days: Sequence[date], taken: frozenset[date]) -> bool:
    """Whether there is nothing to write, whatever else there is to know: each day has its session, and is noted."""
    noted = game.generated_through is not None and game.generated_through >= days[-1] and not game.generation_error
    return noted and taken.issuperset(days)
