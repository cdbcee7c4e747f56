"""REST: the calendar, readable by anyone."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers, viewsets

from events.models import GameSession


class SessionSerializer(serializers.ModelSerializer):
    venue = serializers.CharField(source="game.venue.slug", read_only=True)

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


class SessionFilter(django_filters.FilterSet):
    venue = django_filters.CharFilter("game__venue__slug", label="The venue's slug.")
    to = django_filters.DateFilter("slot_date", lookup_expr="lte", label="The last date, included.")

    class Meta:
        model = GameSession
        fields = ("venue", "game", "to", "status")

    @classmethod
    def get_filters(cls) -> dict[str, Any]:
        # `from` is a word of Python's, so it cannot be an attribute.
        first = django_filters.DateFilter(
            "slot_date", lookup_expr="gte", label="The first date; from what is on now unless given."
        )
        filters: dict[str, Any] = super().get_filters()
        return filters | {"from": first}

    def filter_queryset(self, queryset: QuerySet[GameSession]) -> QuerySet[GameSession]:
        queryset = super().filter_queryset(queryset)
        if not self.form.cleaned_data.get("from"):
            queryset = queryset.filter(ends_at__gt=timezone.now())
        return queryset


class SessionViewSet(viewsets.ReadOnlyModelViewSet):
    """Game sessions, the next ones first."""

    queryset = GameSession.objects.select_related("game__venue").order_by("starts_at", "pk")
    serializer_class = SessionSerializer
    filterset_class = SessionFilter
