"""Fields and conditions for the dates that a calendar may hold."""

from __future__ import annotations

from functools import reduce
from operator import and_
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from events.slots import EARLIEST, LATEST


def calendar_date(**options: Any) -> models.DateField[Any, Any]:
    """A model's field for a date of a venue's own calendar."""
    return models.DateField(validators=[MinValueValidator(EARLIEST), MaxValueValidator(LATEST)], **options)


def within_calendar(*names: str) -> Q:
    """The condition that the dates of these fields, where given, are dates that a calendar may hold."""
    return reduce(
        and_, (Q(**{f"{name}__isnull": True}) | Q(**{f"{name}__range": (EARLIEST, LATEST)}) for name in names)
    )
