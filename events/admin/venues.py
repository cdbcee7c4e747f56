"""The page of a venue, with its closures and the public holidays to come."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from unfold.admin import TabularInline
from unfold.decorators import display

from events import access
from events.admin.own_venues import OwnVenues
from events.admin.settled import SettledAdmin
from events.models import Closure, Venue
from events.public_holidays import public_holiday


class ClosureInline(TabularInline):
    model = Closure
    extra = 0
    tab = True


@admin.register(Venue)
class VenueAdmin(OwnVenues, SettledAdmin):
    list_display = ("name", "timezone", "holiday_region", "active")
    prepopulated_fields = {"slug": ("name",)}
    autocomplete_fields = ("managers",)
    search_fields = ("name",)
    readonly_fields = ("holidays",)
    inlines = (ClosureInline,)

    @display(description="Public holidays to come")
    def holidays(self, venue: Venue) -> str:
        if not venue.pk or not venue.holiday_region:
            return "Give a holiday region to see them."
        today = timezone.localdate()
        days = [today + timedelta(n) for n in range(120)]
        try:
            named = [(f"{day:%a %-d %b}", name) for day in days if (name := public_holiday(venue.holiday_region, day))]
        except NotImplementedError:  # an update of the data has dropped or renamed it
            return f"{venue.holiday_region} has no known public holidays: choose another region."
        return format_html_join("", "<div>{}: {}</div>", named) or "None in the next 120 days."

    def get_readonly_fields(self, request: HttpRequest, obj: Venue | None = None) -> Any:
        # Managers do not decide who manages a venue, nor under what address it is found.
        return ("holidays", "slug", "managers") if access.is_confined(request.user) else self.readonly_fields

    def get_prepopulated_fields(self, request: HttpRequest, obj: Venue | None = None) -> Any:
        return {} if obj or access.is_confined(request.user) else self.prepopulated_fields
