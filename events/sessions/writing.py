"""Plans become rows: the only writer of what planning decides about sessions.

The unique constraint on (game, slot date) is the last word: whoever loses a race to write a slot inserts nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from events.models import FOR_NOW, Game, GameSession, NewSession
from events.sessions.planning import Noted, Plan, Update
from events.versions import UNKNOWN


def write(plans: Sequence[Plan], now: datetime) -> None:
    """Apply plans, in the transaction in which their games were locked and read."""
    _insert(plans, now)
    _update([update for plan in plans for update in plan.update], now)
    removed = [night.id for plan in plans for night in plan.remove]
    if removed:
        GameSession.objects.filter(pk__in=removed).delete()
    _note({plan.game_id: plan.noted for plan in plans if plan.noted})


def _insert(plans: Sequence[Plan], now: datetime) -> None:
    rows = [
        NewSession(
            game_id=plan.game_id,
            slot_date=slot.date,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            timezone=plan.zone,
            updated_at=now,
        )
        for plan in plans
        for slot in plan.insert
        if slot.starts_at and slot.ends_at
    ]
    NewSession.objects.bulk_create(rows, ignore_conflicts=True)


def _update(updates: list[Update], now: datetime) -> None:
    # Each row gets a value for each column that is written to any.
    names = sorted({name for update in updates for name in update.values})
    rows = []
    for update in updates:
        night = replace(update.night, **update.values)
        values = {name: getattr(night, name) for name in names}
        rows.append(GameSession(pk=night.id, updated_at=now, **values))
    if rows:
        # Each column is a CASE over all rows of a statement, so that its cost grows with their square.
        GameSession.objects.bulk_update(rows, [*names, "updated_at"], batch_size=500)


def _note(noted: dict[int, Noted]) -> None:
    """Write to games how far they are settled, which also takes away the error that they had."""
    alike: defaultdict[Noted, list[int]] = defaultdict(list)
    for game_id, each in noted.items():
        alike[each].append(game_id)
    for each, games in alike.items():
        values: dict[str, Any] = {"generated_through": each.through, "generation_error": ""}
        if each.stamp:
            values |= {"holidays": each.stamp.holidays, "zone_data": each.stamp.zone_data}
        Game.objects.filter(pk__in=games).update(**values)


def mark_failed(game_id: int, error: BaseException, *, for_now: bool = False, unsettled: bool = False) -> None:
    """Note why a game cannot be generated. It is left alone until it is edited or the next generation, unless the
    error is one that may pass. One that is `unsettled` is settled anew once it can be: it does not follow its edit yet.
    """
    said = f"{FOR_NOW if for_now else ''}{type(error).__name__}: {error}"
    values = {"generation_error": said[:2000], **({"zone_data": UNKNOWN} if unsettled else {})}
    Game.objects.filter(pk=game_id).update(**values)
