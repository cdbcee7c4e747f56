"""Games: what is played, the rule that names its dates, and the exceptions to that rule."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q, QuerySet

from events import recurrence
from events.models.calendar_dates import calendar_date, within_calendar
from events.models.data import DataVersion
from events.models.settled import Settled
from events.models.venues import Venue
from events.one_line import one_line
from events.public_holidays import HOLIDAYS
from events.recurrence import Rule
from events.slots import LONGEST_NIGHT
from events.zones import todays

MAX_DURATION_MINUTES = LONGEST_NIGHT // timedelta(minutes=1)

#: Fields that the engine alone writes: no edit of a game that was read earlier may put them back.
ENGINE_FIELDS = ["generated_through", "generation_error", "holidays", "zone_data"]

#: The beginning of the error of a game that is tried again.
FOR_NOW = "It will be tried again. "


class GameQuerySet(models.QuerySet["Game"]):
    def lock(self, game_id: int | None) -> Game | None:
        """Lock the game's row, as whatever writes its sessions or exceptions does; None when there is no such game."""
        # NO KEY: writing a session or an exception takes a share of the game's key, and need not wait for this.
        return self.select_for_update(no_key=True).filter(pk=game_id).first() if game_id else None

    def in_play(self) -> GameQuerySet:
        """Games whose calendars are kept full: active ones, at venues that are switched on."""
        return self.filter(IN_PLAY)

    def recurring(self) -> GameQuerySet:
        """Games that a generation is about: all but those that are played once."""
        return self.filter(RECURRING)

    def outdated(self) -> GameQuerySet:
        """Games to be settled anew, because data that their sessions were derived from has changed."""
        return self.filter(outdated())

    def failing(self) -> GameQuerySet:
        """Games in play that could not be generated when they were last tried."""
        return self.in_play().exclude(generation_error="")


#: The kinds of recurrence with their labels.
KINDS = [(kind, kind.capitalize()) for kind in recurrence.USED_FIELDS]

#: Kinds of recurrence that take any weekdays.
BY_WEEKDAYS = [kind for kind, used in recurrence.USED_FIELDS.items() if "weekdays" in used and "nth" not in used]

#: The condition of games whose calendars are kept full: as Game.is_in_play.
IN_PLAY = Q(status="active", venue__active=True)

#: The condition of games that a generation is about.
RECURRING = ~Q(recurrence="once")

#: The condition of games that a passing trouble kept from what they were asked, even if that lies within the horizon.
TRIED_AGAIN = Q(generation_error__startswith=FOR_NOW)

#: The condition of games that failed for good: until somebody edits them, or the next generation, nobody tries them.
GIVEN_UP = ~Q(generation_error="") & ~TRIED_AGAIN

#: The condition of games that were never settled: they have no session that could be wrong.
NEVER_SETTLED = Q(zone_data="", generated_through=None)


def outdated() -> Q:
    """The condition of games that were settled with other data than this process has: as Game.is_outdated.

    It is true of none while this process has another version than counts: they are not its to settle.
    """
    if not DataVersion.is_ours():
        return Q(pk__in=[])
    zone_data = ~Q(zone_data__in=sorted(todays()))
    holiday_data = Q(holiday_policy="skip") & ~Q(holidays=HOLIDAYS)
    return (zone_data | holiday_data) & ~NEVER_SETTLED


class Game(Settled):
    """A game described once: what is played, and the rule that names its dates."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"
        ARCHIVED = "archived"

    class Format(models.TextChoices):
        CASH = "cash"
        TOURNAMENT = "tournament"

    class MonthEnd(models.TextChoices):
        CLAMP = "clamp", "Take the month's last day"
        SKIP = "skip", "Skip the month"

    class HolidayPolicy(models.TextChoices):
        RUN = "run", "Play on public holidays"
        SKIP = "skip", "Not on public holidays"

    class Weekday(models.TextChoices):
        MON = "mon", "Monday"
        TUE = "tue", "Tuesday"
        WED = "wed", "Wednesday"
        THU = "thu", "Thursday"
        FRI = "fri", "Friday"
        SAT = "sat", "Saturday"
        SUN = "sun", "Sunday"

    class Nth(models.IntegerChoices):
        FIRST = 1
        SECOND = 2
        THIRD = 3
        FOURTH = 4
        LAST = -1

    venue = models.ForeignKey(Venue, models.PROTECT, related_name="games")
    name = one_line(max_length=200)
    status = models.CharField(max_length=8, choices=Status, default=Status.ACTIVE)
    variant = one_line(max_length=50, blank=True, help_text="Such as NLHE or PLO.")
    format = models.CharField(max_length=10, choices=Format, default=Format.CASH)
    buy_in = models.DecimalField(
        max_digits=9, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    currency = one_line(max_length=3, default="AUD")
    seats = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    notes = models.TextField(blank=True, max_length=5000)

    recurrence = models.CharField(max_length=max(map(len, recurrence.USED_FIELDS)), choices=KINDS, default="weekly")
    interval = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text="Every N days, weeks, months or years, counted from the start date.",
    )
    weekdays = ArrayField(
        models.CharField(max_length=3, choices=Weekday.choices),
        default=list,
        blank=True,
        help_text="Daily and weekly games: only on these. A weekly game without any takes its start date's.",
    )
    month_day = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text="Monthly games: the day of the month. Without it, that of the start date.",
    )
    nth = models.SmallIntegerField(
        null=True, blank=True, choices=Nth, help_text="Monthly games: the nth of the one weekday given."
    )
    month_end = models.CharField(
        max_length=5,
        choices=MonthEnd,
        default=MonthEnd.CLAMP,
        help_text="When a month lacks the 29th, 30th or 31st.",
    )
    start_date = calendar_date(help_text="The first date; fortnights and the like are counted from it.")
    end_date = calendar_date(null=True, blank=True, help_text="The last date, included.")
    count = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(10_000)],
        help_text="Or: so many dates, counted before exceptions.",
    )
    start_time = models.TimeField(help_text="On the venue's clock.")
    duration_minutes = models.PositiveSmallIntegerField(
        default=240, validators=[MinValueValidator(1), MaxValueValidator(MAX_DURATION_MINUTES)]
    )
    holiday_policy = models.CharField(max_length=4, choices=HolidayPolicy, default=HolidayPolicy.RUN)

    origin = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        help_text="The game that this one goes on from, and whose calendar it shares: the first of them, if many.",
    )
    updated_at = models.DateTimeField(auto_now=True, help_text="When somebody last saved it.")
    last_date = models.DateField(
        null=True, editable=False, help_text="The last date that can have a session; empty: no end."
    )
    generated_through = models.DateField(null=True, editable=False, help_text="Every slot up to this date is settled.")
    generation_error = models.TextField(blank=True, editable=False)
    holidays = models.CharField(
        max_length=20,
        default="",
        editable=False,
        help_text="Version of the data on public holidays that its sessions were last settled with.",
    )
    zone_data = models.CharField(
        max_length=16,
        default="",
        db_default="",
        editable=False,
        help_text="Fingerprint of the zone data that its sessions were last settled with; empty: unknown.",
    )

    objects = GameQuerySet.as_manager()

    class Meta:
        ordering = ("name", "pk")
        constraints = [
            models.CheckConstraint(name="game_status", condition=Q(status__in=["active", "paused", "archived"])),
            models.CheckConstraint(name="game_dates", condition=within_calendar("start_date", "end_date")),
            models.CheckConstraint(name="game_format", condition=Q(format__in=["cash", "tournament"])),
            models.CheckConstraint(name="game_month_end", condition=Q(month_end__in=["clamp", "skip"])),
            models.CheckConstraint(name="game_holiday_policy", condition=Q(holiday_policy__in=["run", "skip"])),
            models.CheckConstraint(
                name="game_interval",
                condition=Q(interval__range=(1, 1000)) & (~Q(recurrence="once") | Q(interval=1)),
            ),
            models.CheckConstraint(
                name="game_weekdays",
                condition=Q(weekdays__contained_by=list(recurrence.WEEKDAYS))
                & (
                    Q(recurrence__in=BY_WEEKDAYS)
                    | Q(recurrence="monthly", nth__isnull=False, weekdays__len=1)
                    | Q(
                        recurrence__in=[kind for kind in recurrence.USED_FIELDS if kind not in BY_WEEKDAYS],
                        nth__isnull=True,
                        weekdays__len=0,
                    )
                ),
            ),
            models.CheckConstraint(
                name="game_monthly_day",
                condition=Q(month_day__isnull=True)
                | Q(month_day__range=(1, 31), recurrence="monthly", nth__isnull=True),
            ),
            models.CheckConstraint(
                name="game_monthly_nth",
                condition=Q(nth__isnull=True) | Q(nth__in=[1, 2, 3, 4, -1], recurrence="monthly"),
            ),
            models.CheckConstraint(
                name="game_end",
                condition=(Q(end_date__isnull=True) | Q(end_date__gte=F("start_date"), count__isnull=True))
                & (Q(count__isnull=True) | Q(count__range=(1, 10_000)))
                & (~Q(recurrence="once") | Q(end_date__isnull=True, count__isnull=True)),
            ),
            models.CheckConstraint(
                name="game_duration", condition=Q(duration_minutes__range=(1, MAX_DURATION_MINUTES))
            ),
            models.CheckConstraint(name="game_buy_in", condition=Q(buy_in__isnull=True) | Q(buy_in__gte=0)),
            models.CheckConstraint(name="game_seats", condition=Q(seats__isnull=True) | Q(seats__gte=1)),
        ]

    def __str__(self) -> str:
        return self.name

    def rule_until(self, end_date: date | None) -> Rule:
        return recurrence.Rule(
            recurrence=self.recurrence,
            start_date=self.start_date,
            interval=self.interval,
            weekdays=tuple(self.weekdays),
            month_day=self.month_day,
            nth=self.nth,
            month_end=self.month_end,
            end_date=end_date,
        )

    @property
    def rule(self) -> Rule:
        """The recurrence as pure data; its end is the end date, or the date of the last of `count`."""
        return self.rule_until(self.end_date or self.last_date or self.last_date_by_count())

    @property
    def is_recurring(self) -> bool:
        """Whether a generation is about it: see RECURRING."""
        return self.recurrence != "once"

    @property
    def line(self) -> QuerySet[Game]:
        """The game with those that it goes on from or that go on from it: to players they are one."""
        first = self.origin_id or self.pk
        return Game.objects.filter(Q(pk=first) | Q(origin=first))

    @property
    def is_outdated(self) -> bool:
        """Whether it was settled with other data than this process has: see `outdated`."""
        return bool(self.outdated_by)

    @property
    def outdated_by(self) -> str:
        """Which data it was settled with has changed, "zone data" or, if it observes them, "holiday data"."""
        # The zone itself is not asked: whoever changes a venue's settles its games, and fingerprints tell zones apart.
        if self.zone_data not in todays():
            return "" if self.was_never_settled else "zone data"
        skips = self.holiday_policy == Game.HolidayPolicy.SKIP
        return "holiday data" if skips and self.holidays != HOLIDAYS else ""

    @property
    def was_never_settled(self) -> bool:
        """Whether it has no session that could be wrong: see NEVER_SETTLED."""
        return not self.zone_data and self.generated_through is None

    def last_date_by_count(self) -> date | None:
        return recurrence.last_date(self.rule_until(None), self.count) if self.count else None

    def clean(self) -> None:
        """Check the recurrence as a whole and note its last date, and that its venue knows its public holidays.

        Raises ValidationError naming the field and the fix.
        """
        self.check_rule()
        skips = self.holiday_policy == Game.HolidayPolicy.SKIP and self.status != Game.Status.ARCHIVED
        if skips and self.venue_id and not self.venue.holiday_region:
            said = f"Give {self.venue} a holiday region first, such as AU-NSW: without one no day is a public holiday."
            raise ValidationError({"holiday_policy": said})

    def check_rule(self) -> None:
        """Check the recurrence alone, as every save does, and note its last date.

        Raises ValidationError naming the field and the fix.
        """
        if None in (self.start_date, self.interval, self.weekdays):
            return  # the field itself says so
        try:
            recurrence.check(self.rule_until(self.end_date), self.count)
        except recurrence.RuleError as error:
            raise ValidationError({error.field: str(error)}) from None
        last = self.end_date or self.last_date_by_count()
        self.last_date = last if self.is_recurring else self.start_date

    @property
    def is_in_play(self) -> bool:
        return self.status == Game.Status.ACTIVE and self.venue.active

    @property
    def is_failing(self) -> bool:
        return self.is_in_play and bool(self.generation_error)

    @property
    def idle(self) -> str:
        """Why none of its sessions is written, as a sentence; empty while its calendar is kept full."""
        if self.is_in_play:
            return ""
        why = self.get_status_display() + ":" if self.venue.active else f"{self.venue} is switched off:"
        return f"{why} no session will be written."

    @property
    def rrule(self) -> str:
        """The rule as an RFC 5545 RRULE value; empty for a game that is played once."""
        until = None
        if self.end_date:  # RFC 5545 §3.3.10 wants the last start as an instant
            last_start = datetime.combine(self.end_date, self.start_time, tzinfo=self.venue.zone)
            try:
                last_start = last_start.astimezone(UTC)
            except OverflowError:  # on the first or last date that there is
                last_start = last_start.replace(tzinfo=UTC)
            until = f"{last_start:%Y%m%dT%H%M%SZ}"
        return recurrence.rrule(self.rule, self.count, until)

    def write(self, *args: Any, exceptions: Iterable[GameDate] | None = None, **kwargs: Any) -> None:
        """Write the row; `exceptions`, if given to `save`, replace those that the game has."""
        self.check_rule()
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "last_date", "updated_at"}
        super().write(*args, **kwargs)
        if exceptions is not None:
            self.replace_exceptions(list(exceptions))

    def replace_exceptions(self, wanted: list[GameDate]) -> None:
        """Make these the exceptions of the saved game, whose row the caller has locked and will settle."""
        self.exceptions.exclude(date__in=[row.date for row in wanted]).delete()
        for row in wanted:
            row.game = self
        GameDate.objects.bulk_create(
            wanted, update_conflicts=True, unique_fields=["game", "date"], update_fields=["kind", "reason"]
        )

    def settled(self) -> None:
        self.refresh_from_db(fields=ENGINE_FIELDS)

    def lock(self) -> None:
        """Lock the venue, then the game, and take over what the engine wrote to its row since it was read."""
        Venue.objects.lock(self.venue_id)
        locked = Game.objects.lock(self.pk)
        if locked is not None:
            for name in ENGINE_FIELDS:
                setattr(self, name, getattr(locked, name))

    def touches(self) -> Q:
        return Q(pk=self.pk)


class GameDate(Settled):
    """An exception to a game's rule: one date excluded, or one added, with the reason."""

    class Kind(models.TextChoices):
        EXCLUDE = "exclude"
        ADD = "add"

    game = models.ForeignKey(Game, models.CASCADE, related_name="exceptions")
    date = calendar_date()
    kind = models.CharField(max_length=7, choices=Kind, default=Kind.EXCLUDE)
    reason = one_line(max_length=200, blank=True)

    class Meta:
        ordering = ("date",)
        constraints = [
            models.UniqueConstraint(name="one_exception_a_date", fields=("game", "date")),
            models.CheckConstraint(name="exception_date", condition=within_calendar("date")),
            models.CheckConstraint(name="exception_kind", condition=Q(kind__in=["exclude", "add"])),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.date}"

    def lock(self) -> None:
        self.games = {self.game_id, *GameDate.objects.filter(pk=self.pk).values_list("game_id", flat=True)}
        for game_id in sorted(self.games):
            Game.objects.lock(game_id)

    def touches(self) -> Q:
        return Q(pk__in=self.games)
