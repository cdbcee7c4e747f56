"""A game changed from a date on: it ends the day before, and a copy with the changes goes on."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.db.models.base import ModelState

from events import recurrence
from events.models import ENGINE_FIELDS, Game, Venue
from events.recurrence import Rule
from events.sessions.settling import settle

#: Fields that name other days when they are edited.
RULE_FIELDS = {"recurrence", "weekdays", "month_day", "nth", "start_date"}


def split(game_id: int, from_date: date, edits: dict[str, Any], *, now: datetime, dry_run: bool = False) -> Game:
    """Change a game from a date on: it ends the day before, and a copy with the `edits` (fields of Game) starts.

    Exceptions and sessions from that date on go with the copy: those edited or cancelled by hand stay as they
    are, the rest follow the copy's rule with the uid they have. Where the rule is not edited the copy keeps step
    with the old one: fortnights stay in their weeks, and a count goes on. Another interval is counted from the
    first of the old weekdays or days of the month on or after the date, other days from the date itself.

    Returns the copy; its `changes` say what happened to sessions, or with `dry_run` what would. Raises
    Game.DoesNotExist, and ValidationError naming the field when the date or an edit will not do; then nothing is
    written.
    """
    with transaction.atomic():
        Venue.objects.lock(*Game.objects.filter(pk=game_id).values_list("venue_id", flat=True))
        old = Game.objects.lock(game_id)
        if old is None:
            raise Game.DoesNotExist
        _check_date(old, from_date, Venue.objects.get(pk=old.venue_id).today(now))
        new = _copy_from(old, from_date, edits)
        new.full_clean()
        Game.objects.bulk_create([new])  # save() would settle it before its sessions have come along
        old.exceptions.filter(date__gte=from_date).update(game=new)
        old.sessions.filter(slot_date__gte=from_date).update(game=new)
        old.end_date, old.count = from_date - timedelta(1), None
        old.write()
        new.changes = settle(Q(pk__in=[old.pk, new.pk]), now=now, dry_run=dry_run)
        new.refresh_from_db(fields=ENGINE_FIELDS)
        if dry_run:
            transaction.set_rollback(True)
            new.pk = None
        return new


def _check_date(game: Game, from_date: date, today: date) -> None:
    if not game.is_recurring:
        raise ValidationError({"from_date": "This game is played once: edit it instead."})
    if from_date <= max(game.start_date, today):
        raise ValidationError({"from_date": f"Take a date after today and after the start, {game.start_date}."})
    if game.last_date and from_date > game.last_date:
        raise ValidationError({"from_date": f"The game ends on {game.last_date}: take an earlier date."})


def _copy_from(old: Game, from_date: date, edits: dict[str, Any]) -> Game:
    new = copy.copy(old)
    new.pk, new._state = None, ModelState()
    new.start_date, new.generated_through, new.generation_error = from_date, None, ""
    new.origin_id = old.origin_id or old.pk
    if old.count:
        new.count = old.count - len(recurrence.dates(old.rule, old.start_date, from_date - timedelta(1)))
    edits = {name: value for name, value in edits.items() if getattr(old, name) != value}
    if not RULE_FIELDS & set(edits):
        _keep_step(replace(old.rule, interval=1) if "interval" in edits else old.rule, new, from_date)
    for name, value in edits.items():
        setattr(new, name, value)
    if new.start_date < from_date:
        raise ValidationError({"start_date": f"The copy starts on {from_date}, or later: give no earlier date."})
    return new


def _keep_step(rule: Rule, new: Game, from_date: date) -> None:
    """Start the copy on a date of the old `rule`, and say what that took from its start date."""
    following = recurrence.next_date(rule, from_date)
    if following is None:
        raise ValidationError({"from_date": "The game has no date from then on: take an earlier one."})
    goes_on = rule.begun_on(following)
    if goes_on is None:
        raise ValidationError({"from_date": "A game on 29 February can only change from a leap year on."})
    new.start_date, new.weekdays, new.month_day = goes_on.start_date, list(goes_on.weekdays), goes_on.month_day
