"""Middleware against those that ask too much: too often, or with too large a body."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from server.clients import address
from server.refusals import refuse

Answer = Callable[[HttpRequest], HttpResponse]

#: Where passwords are tried. Each costs a third of a second of a processor, so there are fewer of them.
LOGINS = ("/admin/login/", "/api/v1/token/")
LOGINS_PER_MINUTE = 30


class Floods:
    """Lets an address ask so many times a minute, whatever it asks for and whoever it says it is.

    The API's own throttle comes after a token was looked up, and knows nothing of pages. Counted by this process
    alone, in its memory: nothing else has to work for it to work.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response
        self.requests = PerMinute(settings.REQUESTS_PER_MINUTE)
        self.logins = PerMinute(LOGINS_PER_MINUTE)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        client, now = address(request) or "", time.time()
        many = not self.requests.allows(client, now)
        if not many and request.method == "POST" and request.path in LOGINS:
            many = not self.logins.allows(client, now)
        if many:
            return refuse(request, 429, "Too many requests", "please wait a minute.", wait=until_next_minute(now))
        return self.get_response(request)


class PerMinute:
    """Counts by the minutes of the clock, which costs next to nothing when there are most to count."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.minute = 0
        self.counts: Counter[str] = Counter()

    def allows(self, client: str, now: float) -> bool:
        if self.minute != now // 60:
            self.minute, self.counts = int(now // 60), Counter()
        self.counts[client] += 1
        return self.counts[client] <= self.most


def until_next_minute(now: float) -> int:
    return math.ceil(60 - now % 60)


class LargeBodies:
    """Refuses a large body before anything reads it: Django's own limit does not count files, nor what REST reads."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        length = request.META.get("CONTENT_LENGTH", "")
        if length.isdecimal() and int(length) > most:
            return refuse(request, 413, "Too large", f"send {most} bytes at most.")
        return self.get_response(request)
