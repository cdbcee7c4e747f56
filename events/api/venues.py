"""REST: venues."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from events import access
from events.api.dry_run import with_dry_runs
from events.api.writing import SettledSerializer, SettlingViewSet
from events.models import Venue


class VenueField(serializers.SlugRelatedField):
    """A venue by its slug, wherever a game or a closure names one; only one that the user may write for is taken."""

    default_error_messages = {
        "does_not_exist": 'There is no venue "{value}" among those you may change: take the slug of one of yours.',
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="slug", queryset=Venue.objects.all(), **kwargs)

    def get_queryset(self) -> Any:
        parent: Any = self.parent
        allowed = access.venues_for(self.context["request"].user, parent.Meta.model)
        if parent.instance:  # what may be changed may stay where it is
            allowed |= Venue.objects.filter(pk=parent.instance.venue_id)
        return allowed.distinct()


class VenueSerializer(SettledSerializer):
    """A place where games are played."""

    class Meta:
        model = Venue
        fields = ("slug", "name", "timezone", "holiday_region", "contact_email", "active")

    def validate_slug(self, slug: str) -> str:
        venue: Any = self.instance
        if venue and venue.slug != slug and not access.has_permission(self.context["request"].user, "change", Venue):
            said = f"Pages, calendars and programs find the venue at {venue.slug}: ask an administrator to change that."
            raise serializers.ValidationError(said)
        return slug

    def to_representation(self, venue: Venue) -> dict[str, Any]:
        shape = super().to_representation(venue)
        if not access.sees_contacts(self.context["request"].user, venue):
            del shape["contact_email"]
        return shape


@with_dry_runs(VenueSerializer)
class VenueViewSet(SettlingViewSet):
    """Venues. A manager may change their own; its zone or region settles all its games."""

    queryset = Venue.objects.prefetch_related("managers").order_by("name", "pk")
    serializer_class = VenueSerializer
    lookup_field = "slug"
    filterset_fields = ("timezone", "active")
    ordering_fields = ("name", "slug")
    why_kept = "It has games: set active to false instead."

    def lock(self, row: Any, *venues: int) -> None:
        Venue.objects.lock(row.pk)
