"""How the calendar is written over REST, by the users that `events.access` names."""

from __future__ import annotations

import copy
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import transaction
from django.db.models import ProtectedError, QuerySet
from rest_framework import serializers, viewsets
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from events import access
from events.api.conventions import Choice, Strict, by_field
from events.api.dry_run import ChangesSerializer, is_dry_run
from events.models import Venue

#: What a method does to an object, in the words of Django's permissions.
PERMISSIONS = {"POST": "add", "PUT": "change", "PATCH": "change", "DELETE": "delete"}


class MayWrite(BasePermission):
    """Reading is for anyone; writing for users who may write something of the kind."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method in SAFE_METHODS:
            return True
        return access.may_write_any(request.user, view.needed_permission(), view.queryset.model)


class CalendarViewSet(viewsets.GenericViewSet):
    """An endpoint of the calendar. To a user who writes, what that user may not write is not there: 404."""

    permission_classes = (MayWrite,)

    def needed_permission(self) -> str:
        """What the request does to the object, in the words of Django's permissions."""
        method = str(self.request.method)
        return "change" if self.detail and method == "POST" else PERMISSIONS.get(method, "change")

    def get_queryset(self) -> QuerySet[Any]:
        queryset = super().get_queryset()
        if self.request.method in SAFE_METHODS or getattr(self, "swagger_fake_view", False):
            return queryset
        return queryset.filter(access.writable(self.request.user, self.needed_permission(), queryset.model))


class SettlingViewSet(CalendarViewSet, viewsets.ModelViewSet):
    """An endpoint whose writes settle sessions. With `?dry_run=true` they answer what they would do, and do nothing."""

    why_kept: str  # why a delete is refused, and what to do instead

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self.answer(serializer, serializer.save(), status=201)

    def update(self, request: Request, *args: Any, partial: bool = False, **kwargs: Any) -> Response:
        with transaction.atomic():
            self.lock(self.get_object(), _venue_asked_for(request))
            # Read only now, so that what another edit wrote meanwhile is not put back.
            serializer = self.get_serializer(self.get_object(), data=request.data, partial=partial)
            serializer.is_valid(raise_exception=True)
            saved = serializer.save()
        return self.answer(serializer, saved)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "dry_run": is_dry_run(self.request)}

    def answer(self, serializer: Any, saved: Any, status: int = 200) -> Response:
        """What was saved; of a dry run, what that would do."""
        if is_dry_run(self.request):
            return Response(ChangesSerializer(saved.changes).data)
        return Response(serializer.data, status=status)

    def lock(self, row: Any, *venues: int) -> None:
        """Take the locks under which a row is edited; `venues` are the ids of those that it may move to."""
        Venue.objects.lock(row.venue_id, *venues)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row, dry_run = self.get_object(), is_dry_run(request)
        try:
            row.delete(dry_run=dry_run)
        except ProtectedError:
            raise serializers.ValidationError({"non_field_errors": [self.why_kept]}) from None
        return Response(ChangesSerializer(row.changes).data) if dry_run else Response(status=204)


def _venue_asked_for(request: Request) -> int:
    """The id of the venue that a request names, 0 when it names none."""
    slug = request.data.get("venue") if isinstance(request.data, dict) else None
    return Venue.objects.filter(slug=str(slug)).values_list("pk", flat=True).first() or 0


class SettledSerializer(Strict, serializers.ModelSerializer):
    """A row that decides about sessions, checked as a whole by its model's `clean` before it is written.

    With `dry_run` in the context it is not written, and its `changes` say what that would do.
    """

    serializer_choice_field = Choice

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        model: Any = self.Meta.model
        row: Any = copy.copy(self.instance) if self.instance else model()
        _set(row, attrs)
        try:
            row.clean()
        except DjangoValidationError as error:
            raise serializers.ValidationError(by_field(error)) from None
        return attrs

    def create(self, validated_data: Any) -> Any:
        model: Any = self.Meta.model
        return self.update(model(), validated_data)

    def update(self, instance: Any, validated_data: Any, **options: Any) -> Any:
        _set(instance, validated_data)
        instance.save(dry_run=self.context["dry_run"], **options)
        return instance


def _set(row: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
