"""What becomes of a game's sessions: facts and nights in, a plan out.

Nothing here asks a database or a clock, and nothing is a Django model: `reading` hands over the facts, `writing`
writes the plan. Generation, an edit, a venue's settlement, a split and the acts by hand differ in what is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum, StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from events.changes import Changes
from events.slots import END_OF_TIME, LATEST, LONGEST_NIGHT, Schedule, Slot, localise
from events.versions import Stamp
from events.zones import zone_called

SCHEDULED, CANCELLED = "scheduled", "cancelled"

#: The cause of a cancellation by hand, beside those that a skipped slot has.
STAFF = "staff"


class Refused(ValueError):
    """An act that is not done: `field` names what to change, the text says why and to what."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Night:
    """A session as it is stored, as far as it can change. Instants are in UTC.

    `moved_date` and `moved_time` are what a person said on the venue's clock; None where the hour is the rule's.
    """

    id: int
    slot_date: date
    starts_at: datetime
    ends_at: datetime
    timezone: str
    status: str = SCHEDULED
    cancel_reason: str = ""
    cancelled_by: str = ""
    edited: bool = False
    off_rule: bool = False
    moved_date: date | None = None
    moved_time: time | None = None
    notes: str = ""
    sequence: int = 0

    @property
    def by_hand(self) -> bool:
        """Whether somebody changed or cancelled it: then no edit of its game overwrites it."""
        return self.edited or self.cancelled_by == STAFF


class Upkeep(Enum):
    """What is done with the calendar of a game."""

    FULL = "missing nights are added, and nights follow the rule"
    KEPT = "nights follow the rule, none is added: it is paused, or its venue is switched off"
    CLEARED = "nights that nobody touched are removed: it is archived"


class Reason(StrEnum):
    """What a plan is made for."""

    EDIT = "edit"
    BY_HAND = "by hand"
    GENERATION = "generation"
    ZONE_DATA = "zone data"
    HOLIDAY_DATA = "holiday data"


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read of one game, under the lock of its row.

    Fields:
      schedule: all that decides about its slots.
      days: the dates to settle, ascending.
      beyond: dates after `days` that are written too, without being counted as settled: those of a game that is
        played once.
      taken: dates that have their session.
      through: the last date up to which every slot is settled.
      anew: whether everything from today on is settled again, because something that decides about it has changed.
      stale: whether the game's row says something else than it will say of a settled game: an error, older data.
      stamp: the data that all its nights to come are derived from, once they are settled; None: as before.
    """

    game_id: int
    schedule: Schedule
    days: Sequence[date]
    beyond: Sequence[date] = ()
    taken: frozenset[date] = frozenset()
    through: date | None = None
    upkeep: Upkeep = Upkeep.FULL
    anew: bool = False
    stale: bool = False
    stamp: Stamp | None = None
    reason: Reason = Reason.GENERATION


@dataclass(frozen=True, slots=True)
class Update:
    """A night, and the values that its fields get."""

    night: Night
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Noted:
    """What the game's row is to say: every slot is settled up to `through`, with the data of `stamp` if any."""

    through: date | None
    stamp: Stamp | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written of one game. `zone` names the time zone of what is inserted."""

    game_id: int
    zone: str = ""
    insert: Sequence[Slot] = ()
    update: Sequence[Update] = ()
    remove: Sequence[Night] = ()
    noted: Noted | None = None
    changes: Changes = field(default_factory=Changes)
    reason: Reason = Reason.GENERATION


# --- Settling ---------------------------------------------------------------------------------------------


def plan(facts: Facts, nights: Sequence[Night], now: datetime) -> Plan:
    """Bring `nights`, which have not begun, in line with the rule, and add what is missing on the days to settle.

    Nights follow in place; those changed or cancelled by hand stay, moved ones at their hour of the venue's clock.
    """
    update: list[Update] = []
    remove: list[Night] = []
    counts: Counter[str] = Counter()
    slots = _slots(facts, nights) if nights else {}
    for night in nights:
        slot = slots.get(night.slot_date)
        if night.by_hand:
            moved = _kept_on_the_clock(night, facts.schedule.zone, now)
            kept = "moved" if "starts_at" in moved else "edited_stay"
            counts["cancelled_stay" if night.status == CANCELLED else kept] += 1
            if night.off_rule != (slot is None):
                moved["off_rule"] = slot is None
            if moved:
                update.append(Update(night, moved))
        elif slot is None or facts.upkeep is Upkeep.CLEARED:
            remove.append(night)
        elif values := _followed(night, slot, facts, now):
            counts[_outcome(values)] += 1
            update.append(Update(night, values))
    insert = _missing(facts)
    changes = Changes(removed=len(remove), created=len(insert), **counts)
    noted = _noted(facts, now)
    return Plan(facts.game_id, facts.schedule.zone.key, insert, update, remove, noted, changes, facts.reason)


def _slots(facts: Facts, nights: Sequence[Night]) -> dict[date, Slot]:
    """The slots of the dates of nights, as far as the rule or an exception names them."""
    wanted = {night.slot_date for night in nights}
    named = facts.schedule.dates(min(wanted), max(wanted))
    return {day: facts.schedule.slot(day) for day in named if day in wanted}


def _followed(night: Night, slot: Slot, facts: Facts, now: datetime) -> dict[str, Any]:
    """The values that bring an untouched night in line with its slot; empty when it is already."""
    wanted: dict[str, Any]
    if slot.skipped:
        wanted = {"status": CANCELLED, "cancel_reason": slot.skipped[:200], "cancelled_by": slot.cause}
    elif slot.starts_at and slot.starts_at <= now:
        return {}  # its new time has passed: tonight's game is played as it was announced
    else:
        wanted = {
            "starts_at": slot.starts_at,
            "ends_at": slot.ends_at,
            "timezone": facts.schedule.zone.key,
            "status": SCHEDULED,
            "cancel_reason": "",
            "cancelled_by": "",
        }
    return _changed(night, off_rule=False, **wanted)


def _kept_on_the_clock(night: Night, zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    """The values that keep a night at the hour of the venue's clock that a person said; empty when it is there."""
    if not night.edited:
        return {}
    said: dict[str, Any] = {"moved_date": night.moved_date, "moved_time": night.moved_time}
    if night.moved_date is None or night.moved_time is None:  # an older release moved it, as of the zone it noted
        said = _wall(night.starts_at, zone_called(night.timezone) or zone)
    starts_at: datetime | None = night.starts_at
    if _wall(night.starts_at, zone) != said:  # of an hour that comes twice it may be the second
        starts_at, _ = localise(said["moved_date"], said["moved_time"], zone)
    if starts_at is None or not now < starts_at < END_OF_TIME:
        return {}  # such a time has passed, or is none: it is played as it was announced
    ends_at = starts_at + (night.ends_at - night.starts_at)
    return _differing(night, **said) | _changed(night, starts_at=starts_at, ends_at=ends_at, timezone=zone.key)


def _wall(starts_at: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """What the clock of `zone` shows at a night's start, as the values that note it."""
    wall = starts_at.astimezone(zone).replace(fold=0)
    return {"moved_date": wall.date(), "moved_time": wall.time()}


def _outcome(values: dict[str, Any]) -> str:
    """What these values make of a night, as the name of its count in Changes."""
    return {CANCELLED: "cancelled", SCHEDULED: "restored"}.get(values.get("status", ""), "moved")


def _missing(facts: Facts) -> list[Slot]:
    """The slots that have no session, on the days to settle and beyond them."""
    wanted = {*facts.days, *facts.beyond} - facts.taken if facts.upkeep is Upkeep.FULL else None
    if not wanted:
        return []
    last = facts.beyond[-1] if facts.beyond else facts.days[-1]
    slots = (facts.schedule.slot(day) for day in facts.schedule.dates(facts.days[0], last) if day in wanted)
    return [slot for slot in slots if not slot.skipped]


def _noted(facts: Facts, now: datetime) -> Noted | None:
    """What the game's row is to say; None when it says so already."""
    full = facts.upkeep is Upkeep.FULL
    if not full and not facts.anew:
        return None
    through = _settled_through(facts, now) if full else facts.through
    if through == facts.through and not facts.stale:
        return None
    return Noted(through, facts.stamp)


def _settled_through(facts: Facts, now: datetime) -> date | None:
    """The last date up to which every slot is settled, once the days are.

    Days before today need no settling. Days beyond a gap do not count.
    """
    today = now.astimezone(facts.schedule.zone).date()
    through = today - timedelta(1)
    if facts.through and not facts.anew:
        through = max(facts.through, through)
    settled = set(facts.days)
    while through + timedelta(1) in settled:
        through += timedelta(1)
    return through if through >= today else facts.through


# --- By hand ----------------------------------------------------------------------------------------------


def cancel(night: Night, reason: str, now: datetime) -> dict[str, Any]:
    """The values of a night cancelled by hand. Where it was cancelled already, its reason stays unless one is given.

    Raises Refused when it is over.
    """
    _refuse_if_over(night, now)
    return _changed(night, status=CANCELLED, cancelled_by=STAFF, cancel_reason=reason or night.cancel_reason)


def restore(night: Night, slot: Slot | None, zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    """The values of a night that is on again. Where the rule would have it otherwise, it counts as edited by hand,
    and keeps the hour that it has on the clock of `zone`.

    Raises Refused when it is over.
    """
    _refuse_if_over(night, now)
    follows = slot is not None and (slot.starts_at, slot.ends_at) == (night.starts_at, night.ends_at)
    own = {} if night.edited or follows else {"edited": True, "timezone": zone.key, **_wall(night.starts_at, zone)}
    return _changed(night, status=SCHEDULED, cancelled_by="", cancel_reason="", **own)


def move(night: Night, starts_at: datetime, ends_at: datetime | None, zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    """The values of a night moved to other instants (aware; without an end it keeps its length).

    It keeps the hour of its start on the clock of `zone`, its venue's, whatever becomes of that.

    Raises Refused when it is over or cancelled, or the new times are past, lie beyond what a calendar
    holds, end before they start or last more than 24 hours.
    """
    _refuse_if_over(night, now)
    if night.status == CANCELLED:
        raise Refused("status", "This session is cancelled: restore it before you move it.")
    too_far = Refused("starts_at", f"No calendar goes so far: give a date up to {LATEST}.")
    try:  # in UTC, for in a zone of its own Python adds and subtracts what the wall clock shows
        starts_at = starts_at.astimezone(UTC)
        ends_at = ends_at.astimezone(UTC) if ends_at else starts_at + (night.ends_at - night.starts_at)
    except OverflowError:
        raise too_far from None
    if starts_at <= now:
        raise Refused("starts_at", "This is in the past: give a time to come.")
    if starts_at >= END_OF_TIME:
        raise too_far
    if not timedelta(0) < ends_at - starts_at <= LONGEST_NIGHT:
        raise Refused("ends_at", "A session ends after it starts and lasts at most 24 hours.")
    times = {"starts_at": starts_at, "ends_at": ends_at, "timezone": zone.key}
    return _changed(night, **times, **_wall(starts_at, zone), edited=True)


def note(night: Night, notes: str, now: datetime) -> dict[str, Any]:
    """The values of a night with other notes for players; it still follows its game. Raises Refused when it is over."""
    _refuse_if_over(night, now)
    return _changed(night, notes=notes)


def _refuse_if_over(night: Night, now: datetime) -> None:
    if night.ends_at <= now:
        raise Refused("status", "This session is over: the past does not change.")


def _changed(night: Night, **wanted: Any) -> dict[str, Any]:
    """The values that differ, and then the next SEQUENCE (RFC 5545 §3.8.7.4)."""
    differing = _differing(night, **wanted)
    return differing | {"sequence": night.sequence + 1} if differing else {}


def _differing(night: Night, **wanted: Any) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if getattr(night, name) != value}
