"""Health: is the web process alive, can it be used, does the clock tick?"""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from redis.exceptions import RedisError

from events.zones import ZONE_DATA
from workers.backing_services import PASSING_ERRORS, ping_database, ping_redis
from workers.database_time import read_clocks
from workers.monitoring import overdue
from workers.monitoring.clocks import wrong_by


@never_cache
def alive(request: HttpRequest) -> HttpResponse:
    """The web process answers."""
    return JsonResponse({"status": "ok"})


@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """PostgreSQL and Redis answer; 503 when one does not. Says which zone data this process reads, too."""
    services = {"database": _answers(ping_database), "redis": _answers(ping_redis)}
    return JsonResponse({**services, "zone_data": ZONE_DATA}, status=200 if all(services.values()) else 503)


@never_cache
def scheduler(request: HttpRequest) -> HttpResponse:
    """The clock ticks and last night's generation ran; 503 when it is overdue."""
    try:
        clocks = read_clocks()
        status = scheduler_status(clocks.now, clocks.ahead)
    except PASSING_ERRORS:
        status = {"status": "overdue", "last_tick": None, "last_generation": None, "reasons": ["no database"]}
    return JsonResponse(status, status=503 if status["status"] == "overdue" else 200)


def scheduler_status(now: datetime, ahead: timedelta = timedelta(0)) -> dict[str, Any]:
    """`{"status": "starting" | "ok" | "overdue", "last_tick", "last_generation", "reasons"}`.

    `now` is the database's time, and `ahead` by how much this web process's clock differs from it.
    """
    seen = overdue.scheduler(now)
    mine = wrong_by("this web process", ahead)
    reasons = [*seen.reasons, mine] if mine else seen.reasons
    status = "overdue" if reasons else "ok" if seen.last_tick and seen.last_generation else "starting"
    return {
        "status": status,
        "last_tick": seen.last_tick,
        "last_generation": seen.last_generation,
        "reasons": reasons,
    }


def _answers(ask: Any) -> bool:
    try:
        ask()
    except (*PASSING_ERRORS, RedisError):
        return False
    return True
