"""Settlement after an edit: the sessions of games become what their rules, exceptions and closures say now."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from events.changes import Changes
from events.models import Game
from events.sessions.planning import Plan, Reason, plan
from events.sessions.reading import GenerationError, Nights, Schedules, explained, facts_to_settle
from events.sessions.writing import mark_failed, write

log = logging.getLogger(__name__)


def settle(touched: Q, *, now: datetime, dry_run: bool = False) -> Changes:
    """Make the sessions of the games that `touched` names what they should be, from `now` (aware) to the horizon.

    Sessions that have begun never change. Untouched ones follow in place; those edited or cancelled by hand stay.
    A game whose slots cannot be worked out is marked with the error and otherwise left as it is. With `dry_run`
    nothing is written.

    Returns what is done to sessions, or would be done.
    """
    with transaction.atomic():
        games = list(Game.objects.select_for_update(no_key=True).filter(touched).order_by("pk"))
        plans, failed = plans_to_settle(games, now)
        if not dry_run:
            write(plans, now)
            for game_id, error in failed.items():
                log.error("Game %s cannot be settled", game_id, exc_info=error, extra={"game_id": game_id})
                mark_failed(game_id, error, unsettled=True)
    return sum((plan.changes for plan in plans), Changes())


def plans_to_settle(
    games: Sequence[Game], now: datetime, reasons: Mapping[int, Reason] | None = None
) -> tuple[list[Plan], dict[int, Exception]]:
    """A plan for each of these locked games, for its reason or an edit, and why there is none for some, by game."""
    if not games:
        return [], {}
    nights = Nights(games, now)
    schedules = Schedules(games, min([now.date(), *nights.dates]) - timedelta(1))
    plans: list[Plan] = []
    failed: dict[int, Exception] = {}
    for game in games:
        try:
            with explained():
                reason = (reasons or {}).get(game.pk, Reason.EDIT)
                facts = facts_to_settle(game, schedules, nights.taken[game.pk], now, reason)
                plans.append(plan(facts, nights.to_come[game.pk], now))
        except GenerationError as error:
            failed[game.pk] = error
    return plans, failed
