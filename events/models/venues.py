"""Venues, and the dates on which they are closed."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q, QuerySet

from events.models.calendar_dates import calendar_date, within_calendar
from events.models.settled import Settled
from events.one_line import one_line
from events.public_holidays import validate_region
from events.zones import validate_timezone


class VenueQuerySet(models.QuerySet["Venue"]):
    def zones(self) -> QuerySet[Venue, str]:
        """The names of the zones in use."""
        return self.order_by().values_list("timezone", flat=True).distinct()

    def lock(self, *ids: int | None) -> None:
        """Lock the rows of these venues, in the order of their ids; None stands for a venue not saved yet.

        Taken, before any game's, by whatever settles all games of a venue or brings it one: neither misses the other.
        """
        saved = [venue_id for venue_id in ids if venue_id]
        list(self.select_for_update(no_key=True).filter(pk__in=saved).order_by("pk").values_list("pk"))


class Venue(Settled):
    """A place where games are played. Its zone decides what "today" and "19:00" mean."""

    name = one_line(max_length=200)
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

    objects = VenueQuerySet.as_manager()

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

    @property
    def look_ahead(self) -> timedelta:
        """How far from the venue's own today its calendar is kept full."""
        return timedelta(settings.LOOKAHEAD_DAYS)

    def clean(self) -> None:
        """Raises ValidationError when a region is taken away that says on which days games are not played."""
        if not self.pk or self.holiday_region:
            return
        relying = self.games.filter(holiday_policy="skip").exclude(status="archived").exclude(venue__holiday_region="")
        if game := relying.first():
            said = f"{game} is not played on public holidays: keep a region, or change the game first."
            raise ValidationError({"holiday_region": said})

    def lock(self) -> None:
        Venue.objects.lock(self.pk)

    def touches(self) -> Q:
        return Q(venue=self.pk)


class Closure(Settled):
    """Dates, both included and in the venue's own calendar, on which nothing is played at a venue."""

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="closures")
    first_date = calendar_date()
    last_date = calendar_date()
    reason = one_line(max_length=200)

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

    def write(self, *args: Any, **kwargs: Any) -> None:
        self.clean()
        super().write(*args, **kwargs)

    def lock(self) -> None:
        stored = Closure.objects.filter(pk=self.pk).values_list("venue_id", flat=True)
        self.venues = {self.venue_id, *stored}
        Venue.objects.lock(*self.venues)

    def touches(self) -> Q:
        return Q(venue__in=self.venues)
