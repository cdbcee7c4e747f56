"""Instants, answered in UTC as the calendar's are."""

from datetime import UTC, datetime

from django.db import models
from rest_framework import serializers


class Instant(serializers.DateTimeField):
    def to_representation(self, value: datetime) -> str:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


class UtcSerializer(serializers.ModelSerializer):
    """A row whose instants are all answered in UTC."""

    serializer_field_mapping = serializers.ModelSerializer.serializer_field_mapping | {models.DateTimeField: Instant}
