"""Venues, their games, and the sessions that the engine keeps from them.

Saving whatever decides about sessions (a venue's zone, a game, an exception, a closure) settles the sessions in
the same transaction, so that nobody can see the one without the other: see `events.sessions`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from operator import and_, or_
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.timezone import now as moment

from events import recurrence
from events.public_holidays import validate_region
from events.recurrence import Rule
from events.zones import validate_timezone, zone_called

MAX_DURATION_MINUTES = 24 * 60

#: Dates that a calendar may hold. Beyond them some zone's instants leave what can be stored or shown.
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 12, 31)


#: No session starts later, wherever it is played.
END_OF_TIME = datetime(2201, 1, 3, tzinfo=UTC)


def calendar_date(**options: Any) -> models.DateField[Any, Any]:
    """A date of a venue's own calendar."""
    return models.DateField(validators=[MinValueValidator(EARLIEST), MaxValueValidator(LATEST)], **options)


def within_calendar(*names: str) -> Q:
    """The condition that dates, where given, are ones that a calendar may hold."""
    return reduce(
        and_, (Q(**{f"{name}__isnull": True}) | Q(**{f"{name}__range": (EARLIEST, LATEST)}) for name in names)
    )


class Venue(models.Model):
    """A place where games are played. Its zone decides what "today" and "19:00" mean."""

    name = models.CharField(max_length=200)
    slug = models.SlugField(unique=True)
    timezone = models.CharField(
        max_length=64,
        default="Australia/Sydney",
        validators=[validate_timezone],
        help_text="IANA time zone, such as Australia/Sydney.",
    )
    holiday_region = models.CharField(
        max_length=16,
        blank=True,
        validators=[validate_region],
        help_text="Whose public holidays count: ISO 3166-2, such as AU-NSW.",
    )
    contact_email = models.EmailField(blank=True, help_text="Gets the day's list by e-mail each morning at 7.")
    active = models.BooleanField(
        default=True, help_text="Off: hidden from players, its calendar feeds stop, and no more sessions are written."
    )
    managers = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="venues")

    class Meta:
        ordering = ("name", "pk")

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def today(self, now: datetime) -> date:
        """The venue's own date at the instant `now` (aware)."""
        return now.astimezone(self.zone).date()

    def clean(self) -> None:
        """Raises ValidationError when a region is taken away that says on which days games are not played."""
        relying = Game.objects.filter(venue=self.pk, holiday_policy=Game.HolidayPolicy.SKIP)
        relying = relying.exclude(status=Game.Status.ARCHIVED).exclude(venue__holiday_region="")
        if self.pk and not self.holiday_region and (game := relying.first()):
            said = f"{game} is not played on public holidays: keep a region, or change the game first."
            raise ValidationError({"holiday_region": said})

    def save(self, *args: Any, now: datetime | None = None, **kwargs: Any) -> None:
        from events import sessions

        with transaction.atomic():
            sessions.lock_venues(self.pk)
            super().save(*args, **kwargs)
            self.changes = sessions.settle_venue(self.pk, now or timezone.now())


class Closure(models.Model):
    """Dates, both included and in the venue's own calendar, on which nothing is played at a venue."""

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="closures")
    first_date = calendar_date()
    last_date = calendar_date()
    reason = models.CharField(max_length=200)

    class Meta:
        ordering = ("first_date", "pk")
        constraints = [
            models.CheckConstraint(name="closure_ends_after_it_starts", condition=Q(last_date__gte=F("first_date"))),
            models.CheckConstraint(name="closure_dates", condition=within_calendar("first_date", "last_date")),
        ]

    def __str__(self) -> str:
        return f"{self.venue}: {self.first_date} to {self.last_date}, {self.reason}"

    def clean(self) -> None:
        if self.first_date and self.last_date and self.last_date < self.first_date:
            raise ValidationError({"last_date": "Ends before it starts: take first_date or a later date."})

    def save(self, *args: Any, now: datetime | None = None, **kwargs: Any) -> None:
        from events import sessions

        self.clean()
        with transaction.atomic():
            venues = {self.venue_id, *Closure.objects.filter(pk=self.pk).values_list("venue_id", flat=True)}
            sessions.lock_venues(*venues)
            super().save(*args, **kwargs)
            self.changes = sum(
                (sessions.settle_venue(venue, now or timezone.now()) for venue in sorted(venues)),
                sessions.Changes(),
            )

    def delete(self, *args: Any, now: datetime | None = None, **kwargs: Any) -> tuple[int, dict[str, int]]:
        from events import sessions

        with transaction.atomic():
            sessions.lock_venues(self.venue_id)
            deleted = super().delete(*args, **kwargs)
            self.changes = sessions.settle_venue(self.venue_id, now or timezone.now())
        return deleted


class Game(models.Model):
    """A game described once: what is played, and the rule that names its dates."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"
        ARCHIVED = "archived"

    class Format(models.TextChoices):
        CASH = "cash"
        TOURNAMENT = "tournament"

    class Recurrence(models.TextChoices):
        ONCE = "once"
        DAILY = "daily"
        WEEKLY = "weekly"
        MONTHLY = "monthly"
        YEARLY = "yearly"

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
    name = models.CharField(max_length=200)
    status = models.CharField(max_length=8, choices=Status, default=Status.ACTIVE)
    variant = models.CharField(max_length=50, blank=True, help_text="Such as NLHE or PLO.")
    format = models.CharField(max_length=10, choices=Format, default=Format.CASH)
    buy_in = models.DecimalField(
        max_digits=9, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    currency = models.CharField(max_length=3, default="AUD")
    seats = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    notes = models.TextField(blank=True, max_length=5000)

    recurrence = models.CharField(max_length=7, choices=Recurrence, default=Recurrence.WEEKLY)
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
                    Q(recurrence__in=["daily", "weekly"])
                    | Q(recurrence="monthly", nth__isnull=False, weekdays__len=1)
                    | Q(recurrence__in=["once", "monthly", "yearly"], nth__isnull=True, weekdays__len=0)
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
    def line(self) -> QuerySet[Game]:
        """The game with those that it goes on from or that go on from it: to players they are one."""
        first = self.origin_id or self.pk
        return Game.objects.filter(Q(pk=first) | Q(origin=first))

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
        once = self.recurrence == Game.Recurrence.ONCE
        self.last_date = self.start_date if once else self.end_date or self.last_date_by_count()

    @property
    def idle(self) -> str:
        """Why none of its sessions is written, as a sentence; empty while its calendar is kept full."""
        if self.status != Game.Status.ACTIVE:
            return f"{self.get_status_display()}: no session will be written."
        return "" if self.venue.active else f"{self.venue} is switched off: no session will be written."

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

    def save(
        self,
        *args: Any,
        now: datetime | None = None,
        exceptions: Iterable[GameDate] | None = None,
        **kwargs: Any,
    ) -> None:
        """Save, and settle its sessions from the venue's today on; `self.changes` says what that did.

        `exceptions`, if given, replace those that the game has.
        """
        from events import sessions

        self.check_rule()
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "last_date", "updated_at"}
        with transaction.atomic():
            sessions.lock_venues(self.venue_id)
            sessions.keep_engine_fields(self)
            super().save(*args, **kwargs)
            if exceptions is not None:
                sessions.replace_exceptions(self, exceptions)
            self.changes = sessions.settle(self.pk, now or timezone.now())
            self.refresh_from_db(fields=sessions.ENGINE_FIELDS)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Raises ProtectedError once the game has sessions, were they written this moment."""
        from events import sessions

        with transaction.atomic():
            sessions.lock_game(self.pk)
            return super().delete(*args, **kwargs)


class GameDate(models.Model):
    """An exception to a game's rule: one date excluded, or one added, with the reason."""

    class Kind(models.TextChoices):
        EXCLUDE = "exclude"
        ADD = "add"

    game = models.ForeignKey(Game, models.CASCADE, related_name="exceptions")
    date = calendar_date()
    kind = models.CharField(max_length=7, choices=Kind, default=Kind.EXCLUDE)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("date",)
        constraints = [
            models.UniqueConstraint(name="one_exception_a_date", fields=("game", "date")),
            models.CheckConstraint(name="exception_date", condition=within_calendar("date")),
            models.CheckConstraint(name="exception_kind", condition=Q(kind__in=["exclude", "add"])),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.date}"

    def save(self, *args: Any, now: datetime | None = None, **kwargs: Any) -> None:
        from events import sessions

        with transaction.atomic():
            sessions.lock_game(self.game_id)
            super().save(*args, **kwargs)
            self.changes = sessions.settle(self.game_id, now or timezone.now())

    def delete(self, *args: Any, now: datetime | None = None, **kwargs: Any) -> tuple[int, dict[str, int]]:
        from events import sessions

        with transaction.atomic():
            sessions.lock_game(self.game_id)
            deleted = super().delete(*args, **kwargs)
            self.changes = sessions.settle(self.game_id, now or timezone.now())
        return deleted


class SessionQuerySet(models.QuerySet["GameSession"]):
    """Sessions by the dates of their venues' own calendars, which begin at different instants."""

    def from_day(self, day_in: Callable[[ZoneInfo], date]) -> SessionQuerySet:
        """Those that start on the date that `day_in` gives for their venue's zone, or later."""
        edges = {zone: _midnight(day_in(zone), zone) for zone in _zones()}
        each = [Q(game__venue__timezone=zone.key, starts_at__gte=edge) for zone, edge in edges.items()]
        # The plain bound is for the index.
        return self.filter(_either(each), starts_at__gte=min(edges.values(), default=datetime.min.replace(tzinfo=UTC)))

    def to_day(self, day_in: Callable[[ZoneInfo], date]) -> SessionQuerySet:
        """Those that start on the date that `day_in` gives for their venue's zone, or earlier."""
        edges = {zone: _midnight(day_in(zone), zone, days_later=1) for zone in _zones()}
        each = [Q(game__venue__timezone=zone.key, starts_at__lt=edge) for zone, edge in edges.items()]
        return self.filter(_either(each), starts_at__lt=max(edges.values(), default=datetime.max.replace(tzinfo=UTC)))


def _zones() -> list[ZoneInfo]:
    names = Venue.objects.order_by().values_list("timezone", flat=True).distinct()
    return [zone for name in names if (zone := zone_called(name))]


def _midnight(day: date, zone: ZoneInfo, days_later: int = 0) -> datetime:
    day = min(max(day, date(2, 1, 1)), date(9998, 12, 31))  # beyond, an instant has no date in some zones
    return datetime.combine(day + timedelta(days_later), time.min, tzinfo=zone).astimezone(UTC)


def _either(conditions: list[Q]) -> Q:
    return reduce(or_, conditions, Q(pk__in=[]))


class GameSession(models.Model):
    """One night of a game. Written by `events.sessions` alone."""

    class Status(models.TextChoices):
        SCHEDULED = "scheduled"
        CANCELLED = "cancelled"

    class CancelledBy(models.TextChoices):
        STAFF = "staff"
        CLOSURE = "closure"
        EXCEPTION = "exception"
        HOLIDAY = "holiday"

    # Two of the indexes below begin with the game: one of its own would only be written.
    game = models.ForeignKey(Game, models.PROTECT, related_name="sessions", db_index=False)
    slot_date = models.DateField(help_text="The local date that the rule named. Never changes.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    timezone = models.CharField(max_length=64)
    status = models.CharField(max_length=9, choices=Status, default=Status.SCHEDULED, db_default=Status.SCHEDULED)
    cancel_reason = models.CharField(max_length=200, blank=True, default="", db_default="")
    cancelled_by = models.CharField(max_length=9, choices=CancelledBy, blank=True, default="", db_default="")
    edited = models.BooleanField(
        default=False, db_default=False, help_text="Changed by hand: no later edit overwrites it."
    )
    off_rule = models.BooleanField(
        default=False, db_default=False, help_text="Its game's rule no longer names its date."
    )
    notes = models.TextField(blank=True, max_length=5000, default="", db_default="")
    uid = models.UUIDField(default=uuid.uuid4, db_default=RandomUUID(), unique=True, editable=False)
    sequence = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    updated_at = models.DateTimeField(default=moment, editable=False)

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ("starts_at", "pk")
        indexes = [
            models.Index("starts_at", "id", name="session_upcoming"),
            models.Index("game", "starts_at", name="session_of_game"),
            models.Index("starts_at", "id", name="session_cancelled", condition=Q(status="cancelled")),
            models.Index("starts_at", "id", name="session_edited", condition=Q(edited=True)),
        ]
        constraints = [
            models.UniqueConstraint(name="one_session_a_slot", fields=("game", "slot_date")),
            models.CheckConstraint(
                name="session_within_calendar",
                condition=Q(slot_date__range=(EARLIEST, LATEST), starts_at__lt=END_OF_TIME),
            ),
            models.CheckConstraint(name="session_ends_after_start", condition=Q(ends_at__gt=F("starts_at"))),
            models.CheckConstraint(
                name="session_cancelled_by_someone",
                condition=Q(status="scheduled", cancelled_by="")
                | Q(status="cancelled", cancelled_by__in=["staff", "closure", "exception", "holiday"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.game} on {self.slot_date}"


class NewSession(models.Model):
    """The columns of a session that the engine fills in; the database knows the others' defaults.

    Writing a calendar is mostly the preparing of values, which costs as much for a default as for any other.
    """

    game = models.ForeignKey(Game, models.DO_NOTHING, related_name="+")
    slot_date = models.DateField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    timezone = models.CharField(max_length=64)
    updated_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "events_gamesession"
        default_permissions = ()
