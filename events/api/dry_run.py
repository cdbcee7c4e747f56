"""`?dry_run=true`: a write that answers what it would do to sessions, without doing it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request

DRY_RUN = OpenApiParameter(
    "dry_run", OpenApiTypes.BOOL, description="Write nothing; answer what it would do to sessions."
)


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


def is_dry_run(request: Request) -> bool:
    """Whether a write is to be planned only.

    Raises ValidationError for anything but yes and no: a rehearsal must not turn out to be none.
    """
    asked = request.query_params.get("dry_run", "false").lower()
    if asked not in ("1", "true", "0", "false"):
        raise serializers.ValidationError({"dry_run": [f'"{asked}" is neither true nor false: give one of them.']})
    return asked in ("1", "true")


def with_dry_runs(serializer: Any) -> Callable[[Any], Any]:
    """The schema of a settling endpoint's writes: what they answer, and what they answer to a dry run."""
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
