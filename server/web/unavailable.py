"""The answer while a service is away, busy or full: 503, and when to ask again."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.views.defaults import server_error
from redis.exceptions import RedisError

from server.web.refusals import refuse
from workers.backing_services import PASSING_ERRORS

log = logging.getLogger(__name__)

#: Errors of the database that may pass by themselves; Redis away or full.
PASSING = (*PASSING_ERRORS, RedisError)

RETRY_AFTER = 10  # seconds


class Unavailable:
    """Middleware that answers in place of a view that found a service away."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return _one_moment(request, error) if isinstance(error, PASSING) else None


def fault(request: HttpRequest) -> HttpResponse:
    """The answer to an error outside a view (middleware reads the session), or to an error of our own."""
    error = sys.exc_info()[1]
    return _one_moment(request, error) if isinstance(error, PASSING) else server_error(request)


def _one_moment(request: HttpRequest, error: Exception) -> HttpResponse:
    reason = next(iter(str(error).splitlines()), "")
    log.warning("%s %s: %s: %s", request.method, request.path, type(error).__name__, reason, extra={"error": error})
    said = "this cannot be done right now. Please try again in a minute."
    return refuse(request, 503, "One moment", said, wait=RETRY_AFTER)
