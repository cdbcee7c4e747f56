"""REST: closures."""

from __future__ import annotations

import django_filters

from events.api.dry_run import with_dry_runs
from events.api.venues import VenueField
from events.api.writing import SettledSerializer, SettlingViewSet
from events.models import Closure


class ClosureSerializer(SettledSerializer):
    """The first and the last date on which nothing is played at a venue."""

    venue = VenueField()

    class Meta:
        model = Closure
        fields = ("id", "venue", "first_date", "last_date", "reason")


class ClosureFilter(django_filters.FilterSet):
    venue = django_filters.CharFilter("venue__slug", label="The venue's slug.")

    class Meta:
        model = Closure
        fields = ("venue",)


@with_dry_runs(ClosureSerializer)
class ClosureViewSet(SettlingViewSet):
    """Dates on which nothing is played at a venue. Adding one cancels sessions, lifting it restores exactly those."""

    queryset = Closure.objects.select_related("venue").order_by("first_date", "pk")
    serializer_class = ClosureSerializer
    filterset_class = ClosureFilter
    ordering_fields = ("first_date", "last_date")
