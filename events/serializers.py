"""The shapes of the REST API, field by field."""

from __future__ import annotations

import copy
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from events import access
from events.models import Closure, Game, GameDate, GameSession, Venue
from events.rest import Choice, Strict, by_field
from events.sessions import MAX_WINDOW_DAYS

#: What a game keeps when it is split: where it is played, its state, and what the engine says of it.
NOT_SPLIT = {"id", "venue", "status", "exceptions", "rrule", "generated_through"}


class VenueField(serializers.SlugRelatedField):
    """A venue by its slug; only one that the user may write for is taken."""

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


class SettledSerializer(Strict, serializers.ModelSerializer):
    """Writes a row that decides about sessions; with `dry_run` in its context it only plans what that would do."""

    def create(self, validated_data: Any) -> Any:
        model: Any = self.Meta.model
        return self.update(model(), validated_data)

    def update(self, instance: Any, validated_data: Any, **options: Any) -> Any:
        _set(instance, validated_data)
        instance.save(dry_run=self.context["dry_run"], **options)
        return instance


class VenueSerializer(SettledSerializer):
    class Meta:
        model = Venue
        fields = ("slug", "name", "timezone", "holiday_region", "contact_email", "active")

    def validate_slug(self, slug: str) -> str:
        venue: Any = self.instance
        if venue and venue.slug != slug and not access.has_permission(self.context["request"].user, "change", Venue):
            said = f"Pages, calendars and programs find the venue at {venue.slug}: ask an administrator to change that."
            raise serializers.ValidationError(said)
        return slug

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        _cleaned(Venue, self.instance, attrs)
        return attrs

    def to_representation(self, venue: Venue) -> dict[str, Any]:
        shape = super().to_representation(venue)
        if not access.sees_contacts(self.context["request"].user, venue):
            del shape["contact_email"]
        return shape


class ExceptionSerializer(Strict, serializers.ModelSerializer):
    serializer_choice_field = Choice

    class Meta:
        model = GameDate
        fields = ("date", "kind", "reason")


@extend_schema_field({"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9](:00)?$", "example": "19:00"})
class ClockField(serializers.TimeField):
    """A time of a clock on the wall, to the minute; OpenAPI's own `time` has seconds and an offset."""


class GameSerializer(SettledSerializer):
    serializer_choice_field = Choice

    venue = VenueField()
    weekdays = serializers.ListField(child=Choice(choices=Game.Weekday.choices), required=False, max_length=7)
    start_time = ClockField(format="%H:%M", input_formats=["%H:%M", "%H:%M:00"])
    exceptions = ExceptionSerializer(
        many=True,
        required=False,
        max_length=1000,  # type: ignore[call-arg]  # many=True makes it a list, which takes it: the stubs do not know
    )
    rrule = serializers.CharField(read_only=True)

    class Meta:
        model = Game
        fields: tuple[str, ...] = (
            "id",
            "venue",
            "name",
            "status",
            "recurrence",
            "interval",
            "weekdays",
            "month_day",
            "nth",
            "month_end",
            "start_date",
            "end_date",
            "count",
            "start_time",
            "duration_minutes",
            "holiday_policy",
            "rrule",
            "exceptions",
            "variant",
            "format",
            "buy_in",
            "currency",
            "seats",
            "notes",
            "generated_through",
        )
        read_only_fields = ("generated_through",)

    def validate_exceptions(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        twice = sorted(str(day) for day, number in Counter(row["date"] for row in rows).items() if number > 1)
        if twice:
            raise serializers.ValidationError(f"A date can have one exception, {', '.join(twice)} has more.")
        return rows

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        _cleaned(Game, self.instance, {name: value for name, value in attrs.items() if name != "exceptions"})
        return attrs

    def update(self, instance: Any, validated_data: Any, **options: Any) -> Any:
        rows = validated_data.pop("exceptions", None)
        exceptions = None if rows is None else [GameDate(**row) for row in rows]
        super().update(instance, validated_data, exceptions=exceptions, **options)
        if not self.context["dry_run"]:
            instance.refresh_from_db()
        return instance


class SplitSerializer(GameSerializer):
    """The date from which a game changes, and the fields that do; the rest stays as it is."""

    from_date = serializers.DateField()

    class Meta(GameSerializer.Meta):
        fields = tuple(name for name in ("from_date", *GameSerializer.Meta.fields) if name not in NOT_SPLIT)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, partial=True, **kwargs)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "from_date" not in attrs:
            raise serializers.ValidationError({"from_date": "Give the first date of the change."})
        return attrs


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


class ClosureSerializer(SettledSerializer):
    venue = VenueField()

    class Meta:
        model = Closure
        fields = ("id", "venue", "first_date", "last_date", "reason")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        _cleaned(Closure, self.instance, attrs)
        return attrs


class SlotSerializer(serializers.Serializer):
    """A date of a game: when it starts, or why it is skipped."""

    date = serializers.DateField()
    starts_at = serializers.DateTimeField(allow_null=True, default_timezone=UTC)
    note = serializers.CharField(allow_null=True)
    skipped = serializers.CharField(allow_null=True)


class ChangesSerializer(serializers.Serializer):
    """How many sessions an edit touches, and how many it leaves as they are."""

    summary = serializers.CharField(source="__str__", help_text='Such as "12 sessions move, 1 cancelled stays".')
    created = serializers.IntegerField()
    moved = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    restored = serializers.IntegerField()
    removed = serializers.IntegerField()
    edited_stay = serializers.IntegerField()
    cancelled_stay = serializers.IntegerField()


class CancelSerializer(Strict):
    reason = serializers.CharField(max_length=200, default="", allow_blank=True)


class VenueTimeField(serializers.DateTimeField):
    """Without an offset it is on the venue's clock, taken as a game's start is where the clocks change."""

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


class GeneratedSerializer(serializers.Serializer):
    created = serializers.IntegerField()


class WindowSerializer(Strict):
    days = serializers.IntegerField(
        min_value=0, max_value=MAX_WINDOW_DAYS - 1, required=False, help_text="How far to look."
    )


def _cleaned(model: Any, instance: Any, values: dict[str, Any]) -> None:
    """Check a row as a whole as it would be with these values. Raises ValidationError by field."""
    row = copy.copy(instance) if instance else model()
    _set(row, values)
    try:
        row.clean()
    except DjangoValidationError as error:
        raise serializers.ValidationError(by_field(error)) from None


def _set(instance: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(instance, name, value)
