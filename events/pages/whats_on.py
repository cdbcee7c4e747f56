"""What is on: the sessions of all venues, narrowed as the visitor asks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import inf
from typing import Any

from django import forms
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from events.models import Game, SessionQuerySet, not_over
from events.pages.lists import Page, public_sessions
from events.pages.nights import Night, by_day

#: How many days ahead of its venue's today a date is at most, and the title that it stands under.
SECTIONS = ((0, "Today"), (1, "Tomorrow"), (6, "This week"), (inf, "Later"))

#: The first and the last date that each word stands for, in days from the venue's today.
WHEN = {"today": (0, 0), "tomorrow": (1, 1), "week": (0, 6)}

#: How many pairs of venue and variant the lists are made from: what a page can hold.
MOST_CHOICES = 1000


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The sessions that are on or to come, by the dates of each venue's own calendar."""
    now = timezone.now()
    form = SearchForm(request.GET, offered())
    page = Page(request, form.narrow(public_sessions().filter(not_over(now)), now), now)
    context = {"form": form, "found": form.found, "page": page, "sections": _sections(page.nights)}
    return render(request, "events/whats_on.html", context)


def _sections(nights: list[Night]) -> list[tuple[str, Any]]:
    """Titles with their days."""
    titled: dict[str, list[Night]] = {title: [] for _, title in SECTIONS}
    for night in nights:
        titled[next(title for last, title in SECTIONS if night.days_ahead <= last)].append(night)
    return [(title, by_day(under)) for title, under in titled.items() if under]


def offered() -> list[tuple[str, str, str]]:
    """Slug, name and variant of what active venues play."""
    games = Game.objects.filter(venue__active=True).exclude(status=Game.Status.ARCHIVED)
    rows = games.values_list("venue__slug", "venue__name", F("variant")).order_by("venue__name", "variant").distinct()
    return list(rows[:MOST_CHOICES])


class SearchForm(forms.Form):
    """What a visitor looks for. A field may be left out; one that makes no sense is named and otherwise ignored."""

    when = forms.ChoiceField(required=False, choices=[(name, name) for name in WHEN], widget=forms.HiddenInput)
    venue = forms.ChoiceField(required=False, error_messages={"invalid_choice": "No such venue: choose one."})
    variant = forms.ChoiceField(
        required=False, label="Game", error_messages={"invalid_choice": "Nobody plays that: choose another."}
    )
    buy_in = forms.DecimalField(
        required=False,
        label="Buy-in up to",
        min_value=0,
        max_digits=9,
        decimal_places=2,
        error_messages={
            "invalid": "Give an amount, such as 50.",
            "min_value": "Give 0 or more.",
            "max_digits": "Give a smaller amount.",
            "max_whole_digits": "Give a smaller amount.",
            "max_decimal_places": "Give two decimals at most.",
        },
        widget=forms.NumberInput(attrs={"placeholder": "Any", "inputmode": "decimal", "step": "any"}),
    )

    def __init__(self, data: Any, choices: Iterable[tuple[str, str, str]]) -> None:
        super().__init__(data)
        choices = list(choices)
        venues = {slug: name for slug, name, _ in choices}
        variants = sorted({variant for *_, variant in choices if variant})
        self._offer("venue", [("", "All venues"), *venues.items()])
        self._offer("variant", [("", "All games"), *((variant, variant) for variant in variants)])

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    @property
    def found(self) -> dict[str, Any]:
        """The fields that are given and make sense."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}

    def narrow(self, sessions: SessionQuerySet, now: datetime) -> SessionQuerySet:
        """The sessions among `sessions` that the visitor looks for."""
        found = self.found
        if "venue" in found:
            sessions = sessions.filter(game__venue__slug=found["venue"])
        if "variant" in found:
            sessions = sessions.filter(game__variant=found["variant"])
        if "buy_in" in found:
            sessions = sessions.filter(game__buy_in__lte=found["buy_in"])
        if "when" in found:
            first, last = (timedelta(days) for days in WHEN[found["when"]])
            # A session that runs since yesterday is on today.
            if first:
                sessions = sessions.from_day(lambda zone: now.astimezone(zone).date() + first)
            sessions = sessions.to_day(lambda zone: now.astimezone(zone).date() + last)
        return sessions
