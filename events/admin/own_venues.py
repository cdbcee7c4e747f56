"""Managers are confined to their own venues: they see and change nothing else."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from events import access
from events.models import Venue


class OwnVenues(ModelAdmin):
    """A desk that confines managers to what belongs to their venues."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.filter(access.of_own_venues(request.user, self.model)) if access.is_confined(request.user) else rows

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "venue" and access.is_confined(request.user):
            kwargs["queryset"] = Venue.objects.filter(managers=request.user.pk)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_operate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the user may act on a row, which must be among those that they see."""
        mine = object_id is None or self.get_object(request, str(object_id)) is not None
        return mine and self.has_change_permission(request)


class OwnVenuesFilter(admin.RelatedFieldListFilter):
    """A filter that offers managers their own venues alone."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        mine = access.of_own_venues(request.user, Venue) if access.is_confined(request.user) else Q()
        return list(field.get_choices(include_blank=False, ordering=("name",), limit_choices_to=mine))
