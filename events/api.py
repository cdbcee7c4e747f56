"""REST: venues, games, sessions and closures, readable by anyone, written by those `events.access` names.

What a user may not write is, to that user's writing, not there: 404.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, TypeVar

import django_filters
from django.conf import settings
from django.db import transaction
from django.db.models import ProtectedError, QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema, extend_schema_view
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from events import access, sessions
from events.models import Closure, Game, GameSession, Venue
from events.serializers import (
    CancelSerializer,
    ChangesSerializer,
    ClosureSerializer,
    GameSerializer,
    GeneratedSerializer,
    MoveSerializer,
    SessionSerializer,
    SlotSerializer,
    SplitSerializer,
    VenueSerializer,
    WindowSerializer,
)

Result = TypeVar("Result")

ACTIONS = {"POST": "add", "PUT": "change", "PATCH": "change", "DELETE": "delete"}

DRY_RUN = OpenApiParameter(
    "dry_run", OpenApiTypes.BOOL, description="Write nothing; answer what it would do to sessions."
)


class Writers(BasePermission):
    """Reading is for anyone; writing for those who may write something of the kind."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method in SAFE_METHODS:
            return True
        return access.may_write_any(request.user, view.wants(), view.queryset.model)


class Calendar(viewsets.GenericViewSet):
    """What the endpoints of the calendar share."""

    permission_classes = (Writers,)

    def wants(self) -> str:
        """What a request does to the object, in the words of Django's permissions."""
        method = str(self.request.method)
        return "change" if self.detail and method == "POST" else ACTIONS.get(method, "change")

    def get_queryset(self) -> QuerySet[Any]:
        queryset = super().get_queryset()
        if self.request.method in SAFE_METHODS or getattr(self, "swagger_fake_view", False):
            return queryset
        return queryset.filter(access.writable(self.request.user, self.wants(), queryset.model))


class Settles(Calendar, viewsets.ModelViewSet):
    """Writes that settle sessions. With `?dry_run=true` they answer what they would do, and do nothing."""

    kept: str  # why a delete is refused, and what to do instead

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self._answer(serializer, serializer.save(), status=201)

    def update(self, request: Request, *args: Any, partial: bool = False, **kwargs: Any) -> Response:
        with transaction.atomic():
            self.lock(self.get_object(), _venue_asked_for(request))
            # Read only now, so that what another edit wrote meanwhile is not put back.
            serializer = self.get_serializer(self.get_object(), data=request.data, partial=partial)
            serializer.is_valid(raise_exception=True)
            saved = serializer.save()
        return self._answer(serializer, saved)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "dry_run": _dry(self.request)}

    def _answer(self, serializer: Any, saved: Any, status: int = 200) -> Response:
        """What was saved; of a dry run, what that would do."""
        if _dry(self.request):
            return Response(ChangesSerializer(saved.changes).data)
        return Response(serializer.data, status=status)

    def lock(self, row: Any, *venues: int) -> None:
        """Take the locks under which a row is edited, `venues` being those that it may move to."""
        Venue.objects.lock(row.venue_id, *venues)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        try:
            row.delete(dry_run=_dry(request))
        except ProtectedError:
            raise serializers.ValidationError({"non_field_errors": [self.kept]}) from None
        return Response(ChangesSerializer(row.changes).data) if _dry(request) else Response(status=204)


def _venue_asked_for(request: Request) -> int:
    """The id of the venue that a request names, 0 when it names none."""
    slug = request.data.get("venue") if isinstance(request.data, dict) else None
    return Venue.objects.filter(slug=str(slug)).values_list("pk", flat=True).first() or 0


def _dry(request: Request) -> bool:
    """Raises ValidationError for anything but yes and no: a rehearsal must not turn out to be none."""
    asked = request.query_params.get("dry_run", "false").lower()
    if asked not in ("1", "true", "0", "false"):
        raise serializers.ValidationError({"dry_run": [f'"{asked}" is neither true nor false: give one of them.']})
    return asked in ("1", "true")


def _settling(serializer: Any) -> Callable[[Any], Any]:
    """The schema of an endpoint's writes: what they answer, and what they answer to a dry run."""
    either = PolymorphicProxySerializer(
        component_name=serializer.__name__.replace("Serializer", "OrChanges"),
        serializers=[serializer, ChangesSerializer],
        resource_type_field_name=None,
    )
    return extend_schema_view(
        create=extend_schema(parameters=[DRY_RUN], responses={201: serializer, 200: ChangesSerializer}),
        update=extend_schema(parameters=[DRY_RUN], responses=either),
        partial_update=extend_schema(parameters=[DRY_RUN], responses=either),
        destroy=extend_schema(parameters=[DRY_RUN], responses={204: None, 200: ChangesSerializer}),
    )


@_settling(VenueSerializer)
class VenueViewSet(Settles):
    """Venues. A manager may change their own; its zone or region settles all its games."""

    queryset = Venue.objects.prefetch_related("managers").order_by("name", "pk")
    serializer_class = VenueSerializer
    lookup_field = "slug"
    filterset_fields = ("timezone", "active")
    ordering_fields = ("name", "slug")
    kept = "It has games: set active to false instead."

    def lock(self, row: Any, *venues: int) -> None:
        Venue.objects.lock(row.pk)


class GameFilter(django_filters.FilterSet):
    venue = django_filters.CharFilter("venue__slug", label="The venue's slug.")

    class Meta:
        model = Game
        fields = ("venue", "status", "recurrence", "format", "variant")


@_settling(GameSerializer)
class GameViewSet(Settles):
    """Games. Saving one settles its sessions at once."""

    queryset = Game.objects.select_related("venue").prefetch_related("exceptions").order_by("pk")
    serializer_class = GameSerializer
    filterset_class = GameFilter
    ordering_fields = ("name", "start_date", "start_time")
    kept = "It has sessions: set status to archived instead."

    def lock(self, row: Any, *venues: int) -> None:
        super().lock(row, *venues)
        Game.objects.lock(row.pk)

    @extend_schema(parameters=[WindowSerializer], responses=SlotSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None, filterset_class=None)
    def preview(self, request: Request, pk: str) -> Response:
        """The dates to come, the skipped ones with the reason, a start that the clocks move with a note."""
        slots = sessions.preview(self.get_object(), _days(request.query_params), now=timezone.now())
        return Response(SlotSerializer(slots, many=True).data)

    @extend_schema(parameters=[DRY_RUN], request=WindowSerializer, responses=GeneratedSerializer)
    @action(detail=True, methods=["post"])
    def generate(self, request: Request, pk: str) -> Response:
        """Write the sessions that are missing from the venue's today on; done when it answers."""
        game, now = self.get_object(), timezone.now()
        today = sessions.today_at(game.venue, now)
        days = sessions.window(today, today + timedelta(_days(request.data)))
        created = sessions.create_sessions_for_game(game, days, now=now, dry_run=_dry(request))
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
        copy = sessions.split(game.pk, from_date, edits, now=timezone.now(), dry_run=_dry(request))
        return self._answer(self.get_serializer(copy), copy, status=201)


class ClosureFilter(django_filters.FilterSet):
    venue = django_filters.CharFilter("venue__slug", label="The venue's slug.")

    class Meta:
        model = Closure
        fields = ("venue",)


@_settling(ClosureSerializer)
class ClosureViewSet(Settles):
    """Dates on which nothing is played at a venue. Adding one cancels sessions, lifting it restores exactly those."""

    queryset = Closure.objects.select_related("venue").order_by("first_date", "pk")
    serializer_class = ClosureSerializer
    filterset_class = ClosureFilter
    ordering_fields = ("first_date", "last_date")


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


#: What the list of sessions reads.
LISTED = (*(name for name in SessionSerializer.Meta.fields if name != "venue"), "game__venue__slug")


class SessionViewSet(Calendar, viewsets.ReadOnlyModelViewSet):
    """Game sessions, the next first. Dates are those of each venue's own calendar."""

    queryset = GameSession.objects.select_related("game__venue").order_by("starts_at", "pk")
    serializer_class = SessionSerializer
    filterset_class = SessionFilter
    ordering_fields = ("starts_at", "slot_date")

    def get_queryset(self) -> Any:
        # Of a list's games and venues only what it shows is read: it has a hundred rows.
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
        session = edit(pk, **given, now=timezone.now(), dry_run=_dry(self.request))
        return Response(self.get_serializer(session).data)


def _days(given: Any) -> int:
    serializer = WindowSerializer(data=given)
    serializer.is_valid(raise_exception=True)
    return int(serializer.validated_data.get("days", settings.LOOKAHEAD_DAYS))
