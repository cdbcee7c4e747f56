"""The conventions of every REST endpoint, those of the workers too."""

from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.filters import OrderingFilter
from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response
from rest_framework.views import exception_handler

from events.sessions import GenerationError, WindowError

# --- Lists -------------------------------------------------------------------------------------------------


class Pagination(PageNumberPagination):
    """`{"count", "next", "previous", "results"}`, a hundred a page unless `page_size` says otherwise."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 500


class StableOrdering(OrderingFilter):
    """Rows in the order asked for, of those a view allows, ties by id: no row is on two pages or on none."""

    def get_ordering(self, request: Any, queryset: Any, view: Any) -> list[str]:
        return [*(super().get_ordering(request, queryset, view) or queryset.query.order_by), "pk"]


#: Query parameters that every list takes.
SHARED_PARAMETERS = ("page", "page_size", "ordering")


class KnownParameters(DjangoFilterBackend):
    """Filters, and refuses a parameter that a list does not know, so that a misspelt one is not ignored."""

    def filter_queryset(self, request: Any, queryset: Any, view: Any) -> Any:
        filterset = self.get_filterset_class(view, queryset)
        known = {*(filterset.base_filters if filterset else ()), *SHARED_PARAMETERS}
        unknown = [name for name in request.query_params if name not in known] if view.action == "list" else []
        if unknown:
            said = f"Unknown: the parameters are {', '.join(sorted(known))}."
            raise serializers.ValidationError({name: [said] for name in unknown})
        return super().filter_queryset(request, queryset, view)


# --- Input -------------------------------------------------------------------------------------------------


class Strict(serializers.Serializer):
    """Refuses a field it does not know, so that a misspelt one is not silently ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = set(data) - set(self.fields)
            if unknown:
                known = ", ".join(name for name, field in self.fields.items() if not field.read_only)
                raise serializers.ValidationError({name: [f"Unknown: the fields are {known}."] for name in unknown})
        return super().to_internal_value(data)


class Choice(serializers.ChoiceField):
    """A choice whose refusal lists what may be chosen."""

    def fail(self, key: str, **kwargs: Any) -> Any:
        if key == "invalid_choice":
            known = ", ".join(str(choice) for choice in self.choices)
            raise serializers.ValidationError(f'"{kwargs["input"]}" is not known: take one of {known}.')
        return super().fail(key, **kwargs)


# --- Errors ------------------------------------------------------------------------------------------------


def explain(error: Exception, context: dict[str, Any]) -> Response | None:
    """The handler of errors: an error of the domain is a 400 that names the field, as that of a form is."""
    match error:
        case RecursionError():
            error = serializers.ValidationError("This is nested too deeply.")
        case SuspiciousOperation():
            error = serializers.ValidationError("These are too many parameters or fields.")
        case DataError():
            said = "One of these values cannot be stored: text takes no NUL character, and numbers have limits."
            error = serializers.ValidationError(said)
        case ParseError():
            error = serializers.ValidationError(error.detail)
        case DjangoValidationError():
            error = serializers.ValidationError(by_field(error))
        case WindowError():
            error = serializers.ValidationError({"days": [str(error)]})
        case GenerationError():
            error = serializers.ValidationError({"non_field_errors": [f"It cannot be generated: {error}"]})
    if isinstance(error, serializers.ValidationError):
        error = serializers.ValidationError({name: _flat(nested) for name, nested in _by_name(error.detail).items()})
    return exception_handler(error, context)


def _by_name(detail: Any) -> dict[str, Any]:
    return detail if isinstance(detail, dict) else {"non_field_errors": detail}


def _flat(nested: Any) -> list[str]:
    """What is wrong within one field, as a flat list: `date: this is no date`."""
    if isinstance(nested, dict):
        each = [(_label(key), text) for key, inner in nested.items() for text in _flat(inner)]
        return [f"{label}{text}" for label, text in each]
    if isinstance(nested, list):
        return [text for inner in nested for text in _flat(inner)]
    return [str(nested)]


def _label(key: Any) -> str:
    """The name of a field before what is wrong with it. The place in a list says nothing to a person."""
    return f"{key}: " if isinstance(key, str) and not key.isdigit() else ""


def by_field(error: DjangoValidationError) -> dict[str, list[str]]:
    """What a model's check says, by the fields of the API."""
    messages = error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}
    return {("non_field_errors" if name == NON_FIELD_ERRORS else name): said for name, said in messages.items()}
