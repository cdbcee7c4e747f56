"""Generation: the sessions that games lack in a window are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from events.models import ENGINE_FIELDS, DataVersion, Game
from events.sessions.planning import Plan, Reason, plan
from events.sessions.reading import GenerationError, Schedules, explained, facts_to_fill, taken
from events.sessions.settling import plans_to_settle
from events.sessions.windows import window
from events.sessions.writing import write


def create_sessions_for_game(
    game: Game, days: Iterable[date], *, now: datetime | None = None, dry_run: bool = False
) -> int:
    """Write the sessions of `game` that are missing on `days` (dates in the venue's own calendar).

    Safe to repeat and to run twice at once. What is there already is left alone, but where a deploy has brought other
    data on its zone or on public holidays: then the game is settled with it first. `generated_through` moves with it,
    over the days that join up with it. Only an active game of an active venue is generated.
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
    lacked: dict[int, int] = {}
    with transaction.atomic():
        locked = Game.objects.select_for_update(no_key=True, skip_locked=not wait)
        games = list(locked.filter(pk__in=windows).order_by("pk"))
        outdated = [game for game in games if game.is_outdated]
        if outdated and not DataVersion.is_ours():
            games = [game for game in games if game not in outdated]  # the others lag until a process that has it comes
            lacked, outdated = {game.pk: 0 for game in outdated}, []
        settled = [] if dry_run else _settle_outdated(outdated, now)
        plans, failed = _plans_to_fill(games, windows, now)
        if wait and failed:
            raise next(iter(failed.values()))
        if not dry_run:
            write(plans, now)
    lacked |= {plan.game_id: len(plan.insert) for plan in plans}
    for each in settled:
        if each.game_id in lacked:
            lacked[each.game_id] += sum(slot.date in windows[each.game_id] for slot in each.insert)
    return lacked


def _settle_outdated(games: Sequence[Game], now: datetime) -> list[Plan]:
    """Settle these games, whose sessions were settled with other data, up to their horizon; returns the plans.

    It is done whatever their status: a paused game's nights are announced too.
    """
    if not games:
        return []
    plans, _ = plans_to_settle(games, now, {game.pk: Reason(game.outdated_by) for game in games})
    write(plans, now)
    settled = {plan.game_id for plan in plans}
    for game in games:
        if game.pk in settled:
            game.refresh_from_db(fields=ENGINE_FIELDS)
    return plans


def _plans_to_fill(
    games: Sequence[Game], windows: Mapping[int, Sequence[date]], now: datetime
) -> tuple[list[Plan], dict[int, Exception]]:
    """A plan for each of these locked games, and why there is none for some, by game."""
    if not games:
        return [], {}
    first, last = min(days[0] for days in windows.values()), max(days[-1] for days in windows.values())
    plans: list[Plan] = []
    failed: dict[int, Exception] = {}
    dates = taken(games, first, last)
    lacking = []
    for game in games:
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
