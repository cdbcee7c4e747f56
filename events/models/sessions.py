"""Game sessions: the nights of the calendar."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import reduce
from operator import or_
from zoneinfo import ZoneInfo

from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now as moment

from events.models.games import Game
from events.models.venues import Venue
from events.one_line import one_line
from events.slots import EARLIEST, END_OF_TIME, LATEST, LONGEST_NIGHT, midnight
from events.zones import zone_called


class SessionQuerySet(models.QuerySet["GameSession"]):
    """Sessions by the dates of their venues' own calendars, which begin at different instants."""

    def from_day(self, day_in: Callable[[ZoneInfo], date]) -> SessionQuerySet:
        """The sessions that start on the date that `day_in` gives for their venue's zone, or later."""
        edges = {zone: midnight(day_in(zone), zone) for zone in _zones()}
        each = [Q(game__venue__timezone=zone.key, starts_at__gte=edge) for zone, edge in edges.items()]
        # The plain bound is for the index.
        return self.filter(_either(each), starts_at__gte=min(edges.values(), default=datetime.min.replace(tzinfo=UTC)))

    def to_day(self, day_in: Callable[[ZoneInfo], date]) -> SessionQuerySet:
        """The sessions that start on the date that `day_in` gives for their venue's zone, or earlier."""
        edges = {zone: midnight(day_in(zone), zone, days_later=1) for zone in _zones()}
        each = [Q(game__venue__timezone=zone.key, starts_at__lt=edge) for zone, edge in edges.items()]
        return self.filter(_either(each), starts_at__lt=max(edges.values(), default=datetime.max.replace(tzinfo=UTC)))


def _zones() -> list[ZoneInfo]:
    return [zone for name in Venue.objects.zones() if (zone := zone_called(name))]


def not_over(at: datetime, path: str = "") -> Q:
    """The condition that a session ends after `at`; `path` leads to it from another model, such as `sessions__`."""
    # The bound on the start is for the index.
    return Q(**{f"{path}ends_at__gt": at, f"{path}starts_at__gt": at - LONGEST_NIGHT})


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
    cancel_reason = one_line(max_length=200, blank=True, default="", db_default="")
    cancelled_by = models.CharField(max_length=9, choices=CancelledBy, blank=True, default="", db_default="")
    edited = models.BooleanField(
        default=False, db_default=False, help_text="Changed by hand: no later edit overwrites it."
    )
    off_rule = models.BooleanField(
        default=False, db_default=False, help_text="Its game's rule no longer names its date."
    )
    moved_date = models.DateField(
        null=True, editable=False, help_text="Where its hour is its own: the date that the venue's clock is to show."
    )
    moved_time = models.TimeField(null=True, editable=False, help_text="And the time; it stays when the zone changes.")
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

    def is_over(self, at: datetime) -> bool:
        return self.ends_at <= at


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
