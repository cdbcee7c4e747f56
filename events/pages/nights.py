"""A night as people read it: a session in the words and the time of its venue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import groupby
from zoneinfo import ZoneInfo

from events.models import Game, GameSession, Venue
from events.slots import localise
from events.zones import zone_called


def zone_of(venue: Venue) -> ZoneInfo:
    """The venue's zone, or UTC when it names none: one venue's mistake must not take a page from all."""
    return zone_called(venue.timezone) or ZoneInfo("UTC")


def clock(moment: datetime) -> str:
    """A time of day in words: "7:00 pm"."""
    return f"{moment.hour % 12 or 12}:{moment:%M} {'am' if moment.hour < 12 else 'pm'}"


def whose_time(zone: ZoneInfo) -> str:
    """The name of a zone's time: "Sydney time"."""
    area, slash, city = zone.key.rpartition("/")
    return f"{city.replace('_', ' ')} time" if slash and area != "Etc" else zone.key


def long_date(day: date) -> str:
    """A date in words: "Thursday 26 November"."""
    return f"{day:%A} {day.day} {day:%B}"


class Night:
    """A session at the instant `now` (aware). Dates and times are those of its venue."""

    def __init__(self, session: GameSession, now: datetime) -> None:
        self.session, self.now = session, now
        self.game: Game = session.game
        self.venue: Venue = self.game.venue
        self.zone = zone_of(self.venue)
        self.starts = session.starts_at.astimezone(self.zone)
        self.ends = session.ends_at.astimezone(self.zone)

    @property
    def day(self) -> date:
        return self.starts.date()

    @property
    def days_ahead(self) -> int:
        """Days from the venue's today: 1 is tomorrow."""
        return (self.day - self.now.astimezone(self.zone).date()).days

    @property
    def start_time(self) -> str:
        return clock(self.starts)

    @property
    def end_time(self) -> str:
        """The time of day, with the date when it is another than the start's."""
        if self.ends.time() == time.min and self.ends.date() == self.day + timedelta(1):
            return "midnight"
        return clock(self.ends) if self.ends.date() == self.day else f"{clock(self.ends)} on {long_date(self.ends)}"

    @property
    def whose_time(self) -> str:
        return whose_time(self.zone)

    @property
    def utc_offset(self) -> str:
        """The offset of its clock when it starts: "UTC+11" or "UTC+5:30"."""
        minutes = int((self.starts.utcoffset() or timedelta()).total_seconds()) // 60
        hours, rest = divmod(abs(minutes), 60)
        return "UTC" + (f"{'-' if minutes < 0 else '+'}{hours}" if minutes else "") + (f":{rest:02}" if rest else "")

    @property
    def cancelled(self) -> bool:
        return self.session.status == GameSession.Status.CANCELLED

    @property
    def on_now(self) -> bool:
        return not self.cancelled and self.session.starts_at <= self.now < self.session.ends_at

    @property
    def finished(self) -> bool:
        return self.session.is_over(self.now)

    @property
    def reason(self) -> str:
        """Why it is cancelled, as far as somebody said."""
        reason = self.session.cancel_reason
        match self.session.cancelled_by:
            case GameSession.CancelledBy.HOLIDAY:
                reason = f"public holiday: {reason}"
            case GameSession.CancelledBy.EXCEPTION:
                reason = reason.removeprefix("excluded").removeprefix(": ")
        return reason[:1].upper() + reason[1:]

    @cached_property
    def moved_from(self) -> str:
        """The date or the time of day that its game would have given it; empty when it was not moved."""
        if not self.session.edited:
            return ""
        if self.day != self.session.slot_date:
            return long_date(self.session.slot_date)
        usual, _ = localise(self.session.slot_date, self.game.start_time, self.zone)
        return clock(usual.astimezone(self.zone)) if usual and usual != self.session.starts_at else ""

    @property
    def buy_in(self) -> str:
        amount = self.game.buy_in
        if amount is None:
            return ""
        if amount == 0:
            return "Free"
        return f"{self.game.currency} {amount:,.0f}" if amount == int(amount) else f"{self.game.currency} {amount:,.2f}"

    @property
    def what_is_played(self) -> list[str]:
        """What is played, as far as it is known."""
        buy_in = self.buy_in if self.buy_in in ("", "Free") else f"{self.buy_in} buy-in"
        seats = f"{self.game.seats} seats" if self.game.seats else ""
        known = (self.game.variant, self.game.get_format_display(), buy_in, seats)
        return [fact for fact in known if fact]


@dataclass(frozen=True, slots=True)
class Day:
    """A date with its nights."""

    date: date
    nights: list[Night]


def by_day(nights: list[Night]) -> list[Day]:
    """Nights by date, those of a date by the clock on the wall: venues far apart each have their own."""
    ordered = sorted(nights, key=lambda night: (night.starts.replace(tzinfo=None), night.game.name))
    return [Day(day, list(group)) for day, group in groupby(ordered, key=lambda night: night.day)]
