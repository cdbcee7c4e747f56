"""Middleware that refuses a large body."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from server.web.refusals import refuse


class LargeBodies:
    """Refuses a body over the limit before anything reads it: Django's own limit counts neither files nor REST."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        length = request.META.get("CONTENT_LENGTH", "")
        if length.isdecimal() and int(length) > most:
            return refuse(request, 413, "Too large", f"send {most} bytes at most.")
        return self.get_response(request)
