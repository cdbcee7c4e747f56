"""REST: games."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, timedelta
from typing import Any

import django_filters
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from events import sessions
from events.api.conventions import Choice, Strict
from events.api.dry_run import (
    DRY_RUN,
    ChangesSerializer,
    is_dry_run,
    with_dry_runs,
)
from events.api.venues import VenueField
from events.api.writing import SettledSerializer, SettlingViewSet
from events.models import Game, GameDate

#: What a game keeps when it is split: where it is played, its state, and what the engine says of it.
NOT_SPLIT = {"id", "venue", "status", "exceptions", "rrule", "generated_through"}


class ExceptionSerializer(Strict, serializers.ModelSerializer):
    """A date that is excluded from a game's rule, or added to it."""

    serializer_choice_field = Choice

    class Meta:
        model = GameDate
        fields = ("date", "kind", "reason")


@extend_schema_field({"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9](:00)?$", "example": "19:00"})
class ClockField(serializers.TimeField):
    """A time of a clock on the wall, to the minute; OpenAPI's own `time` has seconds and an offset."""


class GameSerializer(SettledSerializer):
    """What is played at a venue, and the rule that names its dates."""

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
        super().validate({name: value for name, value in attrs.items() if name != "exceptions"})
        return attrs

    def update(self, instance: Any, validated_data: Any, **options: Any) -> Any:
        rows = validated_data.pop("exceptions", None)
        exceptions = None if rows is None else [GameDate(**row) for row in rows]
        super().update(instance, validated_data, exceptions=exceptions, **options)
        if not self.context["dry_run"]:
            instance.refresh_from_db()
        return instance


class SplitSerializer(GameSerializer):
    """The date from which a game changes, with the fields that do; the rest stays as it is."""

    from_date = serializers.DateField()

    class Meta(GameSerializer.Meta):
        fields = tuple(name for name in ("from_date", *GameSerializer.Meta.fields) if name not in NOT_SPLIT)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, partial=True, **kwargs)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "from_date" not in attrs:
            raise serializers.ValidationError({"from_date": "Give the first date of the change."})
        return attrs


class SlotSerializer(serializers.Serializer):
    """A date of a game: when it starts, or why it is skipped."""

    date = serializers.DateField()
    starts_at = serializers.DateTimeField(allow_null=True, default_timezone=UTC)
    note = serializers.CharField(allow_null=True)
    skipped = serializers.CharField(allow_null=True)


class WindowSerializer(Strict):
    days = serializers.IntegerField(
        min_value=0, max_value=sessions.MAX_WINDOW_DAYS - 1, required=False, help_text="How far to look."
    )


class GeneratedSerializer(serializers.Serializer):
    created = serializers.IntegerField()


class GameFilter(django_filters.FilterSet):
    venue = django_filters.CharFilter("venue__slug", label="The venue's slug.")

    class Meta:
        model = Game
        fields = ("venue", "status", "recurrence", "format", "variant")


@with_dry_runs(GameSerializer)
class GameViewSet(SettlingViewSet):
    """Games. Saving one settles its sessions at once."""

    queryset = Game.objects.select_related("venue").prefetch_related("exceptions").order_by("pk")
    serializer_class = GameSerializer
    filterset_class = GameFilter
    ordering_fields = ("name", "start_date", "start_time")
    why_kept = "It has sessions: set status to archived instead."

    def lock(self, row: Any, *venues: int) -> None:
        super().lock(row, *venues)
        Game.objects.lock(row.pk)

    @extend_schema(parameters=[WindowSerializer], responses=SlotSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None, filterset_class=None)
    def preview(self, request: Request, pk: str) -> Response:
        """The dates to come, the skipped ones with the reason, a start that the clocks move with a note."""
        game = self.get_object()
        slots = sessions.preview(game, _days(request.query_params, game), now=timezone.now())
        return Response(SlotSerializer(slots, many=True).data)

    @extend_schema(parameters=[DRY_RUN], request=WindowSerializer, responses=GeneratedSerializer)
    @action(detail=True, methods=["post"])
    def generate(self, request: Request, pk: str) -> Response:
        """Write the sessions that are missing from the venue's today on; done when it answers."""
        game, now = self.get_object(), timezone.now()
        today = sessions.today_at(game.venue, now)
        days = sessions.window(today, today + timedelta(_days(request.data, game)))
        created = sessions.create_sessions_for_game(game, days, now=now, dry_run=is_dry_run(request))
        return Response({"created": created})

    @extend_schema(
        parameters=[DRY_RUN], request=SplitSerializer, responses={201: GameSerializer, 200: ChangesSerializer}
    )
    @action(detail=True, methods=["post"])
    def split(self, request: Request, pk: str) -> Response:
        """Change the game from a date on: it ends the day before, and a copy with the changes starts."""
        game = self.get_object()
        serializer = SplitSerializer(data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        edits = dict(serializer.validated_data)
        from_date = edits.pop("from_date")
        copy = sessions.split(game.pk, from_date, edits, now=timezone.now(), dry_run=is_dry_run(request))
        return self.answer(self.get_serializer(copy), copy, status=201)


def _days(given: Any, game: Game) -> int:
    serializer = WindowSerializer(data=given)
    serializer.is_valid(raise_exception=True)
    return int(serializer.validated_data.get("days", game.venue.look_ahead.days))
