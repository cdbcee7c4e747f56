"""REST: game sessions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import django_filters
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from events import sessions
from events.api.conventions import Strict
from events.api.dry_run import DRY_RUN, is_dry_run
from events.api.writing import CalendarViewSet
from events.models import GameSession
from events.one_line import validate_one_line


class SessionSerializer(serializers.ModelSerializer):
    venue = serializers.CharField(source="game.venue.slug", read_only=True)
    starts_at = serializers.DateTimeField(default_timezone=UTC)
    ends_at = serializers.DateTimeField(default_timezone=UTC)

    class Meta:
        model = GameSession
        fields = (
            "id",
            "uid",
            "game",
            "venue",
            "slot_date",
            "starts_at",
            "ends_at",
            "timezone",
            "status",
            "cancel_reason",
            "edited",
            "sequence",
        )


class CancelSerializer(Strict):
    reason = serializers.CharField(max_length=200, default="", allow_blank=True, validators=[validate_one_line])


class VenueTimeField(serializers.DateTimeField):
    """A time. Without an offset it is on the venue's clock, taken as a game's start is where the clocks change."""

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            return value.replace(tzinfo=self.timezone)
        return super().enforce_timezone(value)


class MoveSerializer(Strict):
    """Times without an offset are on the venue's clock."""

    starts_at = VenueTimeField()
    ends_at = VenueTimeField(required=False, allow_null=True, help_text="Unless given, it keeps its length.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("starts_at", "ends_at"):
            field: Any = self.fields[name]
            field.timezone = self.context.get("zone")


class SessionFilter(django_filters.FilterSet):
    venue = django_filters.CharFilter("game__venue__slug", label="The venue's slug.")
    to = django_filters.DateFilter(label="The last date, included.", method="until")

    class Meta:
        model = GameSession
        fields = ("venue", "game", "to", "status")

    @classmethod
    def get_filters(cls) -> dict[str, Any]:
        # `from` is a word of Python's, so it cannot be an attribute.
        first = django_filters.DateFilter(label="The first date, included; today unless given.", method="since")
        filters: dict[str, Any] = super().get_filters()
        return filters | {"from": first}

    def since(self, queryset: Any, name: str, day: date) -> Any:
        return queryset.from_day(lambda zone: day)

    def until(self, queryset: Any, name: str, day: date) -> Any:
        return queryset.to_day(lambda zone: day)

    def filter_queryset(self, queryset: Any) -> Any:
        if not self.form.cleaned_data.get("from"):
            now = timezone.now()
            queryset = queryset.from_day(lambda zone: now.astimezone(zone).date())
        return super().filter_queryset(queryset)


#: What the list reads of its hundred rows, their games and their venues: what it shows.
LISTED = (*(name for name in SessionSerializer.Meta.fields if name != "venue"), "game__venue__slug")


class SessionViewSet(CalendarViewSet, viewsets.ReadOnlyModelViewSet):
    """Game sessions, the next first. Dates are those of each venue's own calendar."""

    queryset = GameSession.objects.select_related("game__venue").order_by("starts_at", "pk")
    serializer_class = SessionSerializer
    filterset_class = SessionFilter
    ordering_fields = ("starts_at", "slot_date")

    def get_queryset(self) -> Any:
        return super().get_queryset().only(*LISTED) if self.action == "list" else super().get_queryset()

    def get_object(self) -> Any:
        # One session is found whatever its date; only lists begin today.
        return get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])

    @extend_schema(parameters=[DRY_RUN], request=CancelSerializer, responses=SessionSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel a session. It keeps its place in the calendar and can be restored."""
        serializer = CancelSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self._edit(sessions.cancel, **serializer.validated_data)

    @extend_schema(parameters=[DRY_RUN], request=None, responses=SessionSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        """Schedule a cancelled session again."""
        return self._edit(sessions.restore)

    @extend_schema(parameters=[DRY_RUN], request=MoveSerializer, responses=SessionSerializer)
    @action(detail=True, methods=["post"])
    def move(self, request: Request, pk: str) -> Response:
        """Move a session to other times, which no later edit of its game overwrites."""
        zone = self.get_object().game.venue.zone
        serializer = MoveSerializer(data=request.data, context={"zone": zone})
        serializer.is_valid(raise_exception=True)
        return self._edit(sessions.move, **serializer.validated_data)

    def _edit(self, edit: Callable[..., GameSession], **given: Any) -> Response:
        pk = self.get_object().pk
        session = edit(pk, **given, now=timezone.now(), dry_run=is_dry_run(self.request))
        return Response(self.get_serializer(session).data)
