"""What django-axes asks of us: who tries, and what to answer to one who has guessed too often.

A user name is locked for one address alone, so that nobody can lock a manager out from everywhere.
"""

from __future__ import annotations

import math
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Max
from django.http import HttpRequest, HttpResponse

from server.clients import address
from server.refusals import refuse


def client(request: HttpRequest) -> str | None:
    return address(request)


def username(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """As much of the name as can be a user's: the admin's form takes any, and the table of attempts does not."""
    return str((credentials or {}).get("username") or "")[: User._meta.get_field("username").max_length]


def refuse_guesses(request: Any, response: HttpResponse | None, credentials: Any = None) -> HttpResponse:
    tried = AccessAttempt.objects.filter(username=username(request, credentials), ip_address=request.axes_ip_address)
    now = request.axes_attempt_time
    last = tried.aggregate(last=Max("attempt_time"))["last"] or now
    wait = math.ceil((last + settings.AXES_COOLOFF_TIME - now).total_seconds())
    minutes = math.ceil(wait / 60)
    said = f"try again in {minutes} minutes, or ask an operator to unlock you."
    return refuse(request, 429, "Too many wrong passwords", said, wait=wait)
