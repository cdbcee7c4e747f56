"""The staff's desk for venues, games and sessions."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from events.models import Closure, Game, GameDate, GameSession, Venue


@admin.register(Venue)
class VenueAdmin(ModelAdmin):
    list_display = ("name", "timezone", "holiday_region", "active")
    prepopulated_fields = {"slug": ("name",)}
    filter_horizontal = ("managers",)
    search_fields = ("name",)


class SettlesOnDelete(ModelAdmin):
    """Deleting several at once settles the sessions of each, as deleting one does."""

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            row.delete()


@admin.register(Closure)
class ClosureAdmin(SettlesOnDelete):
    list_display = ("venue", "first_date", "last_date", "reason")
    list_filter = ("venue",)


class GameDateInline(TabularInline):
    model = GameDate
    extra = 0


@admin.register(Game)
class GameAdmin(ModelAdmin):
    list_display = (
        "name",
        "venue",
        "recurrence",
        "start_time",
        "status",
        "generated_through",
        "generation_error",
    )
    list_filter = ("status", "recurrence", "venue")
    list_select_related = ("venue",)
    search_fields = ("name",)
    readonly_fields = ("last_date", "generated_through", "generation_error")
    inlines = (GameDateInline,)


@admin.register(GameSession)
class GameSessionAdmin(ModelAdmin):
    """Read only: sessions are written by the engine."""

    list_display = ("game", "slot_date", "starts_at", "status", "edited", "off_rule")
    list_filter = ("status", "game__venue")
    list_select_related = ("game",)
    date_hierarchy = "starts_at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: GameSession | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: GameSession | None = None) -> bool:
        return False
