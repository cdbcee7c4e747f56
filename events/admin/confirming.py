"""The page that asks before an action changes all selected rows."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from unfold.forms import BaseDialogForm

#: How many rows are named.
SHOWN = 20


def confirmation(request: HttpRequest, form_class: type[BaseDialogForm] = BaseDialogForm) -> BaseDialogForm:
    """The form that confirms an action; it is unbound as long as nobody has been asked."""
    return form_class(request, data=request.POST if "_form_submitted" in request.POST else None)


def ask(desk: Any, request: HttpRequest, rows: Any, title: str, description: str, form: BaseDialogForm) -> HttpResponse:
    """The page with the form that confirms what is to be done to the rows."""
    if not desk.has_change_permission(request):
        raise PermissionDenied
    context = {
        **desk.admin_site.each_context(request),
        "opts": desk.opts,
        "title": title,
        "description": description,
        "form": form,
        "rows": rows[:SHOWN],
        "more": max(0, len(rows) - SHOWN),
        "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
    }
    return render(request, "events/confirm.html", context)
