"""The filters by which the list of sessions is narrowed to dates, each of them of the venue's own calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import RangeDateFilter


class DatesFilter(RangeDateFilter):
    """The nights from one date to another."""

    NAMES: ClassVar = ("starts_at_from", "starts_at_to")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "the venue's date"
        # Unfold's form sends along what no filter uses: a page of the list as it was, and an empty date a second time.
        for name in (*self.NAMES, PAGE_VAR):
            self.used_parameters.setdefault(name, "")
        self.form = self.form_class(name=self.parameter_name, data=self.used_parameters)

    def choices(self, changelist: Any) -> Iterator[Any]:
        yield {"form": self.form}

    def queryset(self, request: HttpRequest, rows: Any) -> Any:
        self.form.is_valid()  # a date that is none does not count; the form says so
        first, last = (self.form.cleaned_data.get(name) for name in self.NAMES)
        rows = rows.from_day(lambda zone: first) if first else rows
        return rows.to_day(lambda zone: last) if last else rows


class WhenFilter(admin.SimpleListFilter):
    """The nights from each venue's today on, unless the past or a date is asked for."""

    title = "date"
    parameter_name = "when"
    horizontal = True
    names: ClassVar = {None: "From today", "past": "Past", "all": "All"}

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        super().__init__(request, *args)
        self.of_a_date = any(request.GET.get(name) for name in DatesFilter.NAMES)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, name) for value, name in self.names.items() if value]

    def chosen(self) -> str | None:
        return "all" if self.of_a_date and not self.value() else self.value()

    def shown(self) -> str:
        return self.names.get(self.chosen(), "")

    def choices(self, changelist: Any) -> Iterator[Any]:
        for value, name in self.names.items():
            query = changelist.get_query_string({"when": value}, remove=DatesFilter.NAMES)
            yield {"selected": value == self.chosen(), "query_string": query, "display": name}

    def queryset(self, request: HttpRequest, rows: Any) -> Any:
        now = timezone.now()
        match self.chosen():
            case None:
                return rows.from_day(lambda zone: now.astimezone(zone).date())
            case "past":
                return rows.to_day(lambda zone: now.astimezone(zone).date() - timedelta(1))
            case _:
                return rows
