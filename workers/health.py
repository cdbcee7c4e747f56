"""Health: is the web process alive, can it be used, does the clock tick?"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from redis.exceptions import RedisError

from workers.actors import generate_upcoming_game_sessions
from workers.models import Clock, Generation, Run, ScheduledJob
from workers.services import ping_database, ping_redis


@never_cache
def alive(request: HttpRequest) -> HttpResponse:
    """The web process answers."""
    return JsonResponse({"status": "ok"})


@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """PostgreSQL and Redis answer; 503 when one does not."""
    services = {"database": _answers(ping_database), "redis": _answers(ping_redis)}
    return JsonResponse(services, status=200 if all(services.values()) else 503)


@never_cache
def scheduler(request: HttpRequest) -> HttpResponse:
    """The clock ticks and last night's generation ran; 503 when it is overdue."""
    try:
        status = scheduler_status(timezone.now())
    except OperationalError:
        status = {"status": "overdue", "last_tick": None, "last_generation": None, "reasons": ["no database"]}
    return JsonResponse(status, status=503 if status["status"] == "overdue" else 200)


def scheduler_status(now: datetime) -> dict[str, Any]:
    """`{"status": "starting" | "ok" | "overdue", "last_tick", "last_generation", "reasons"}`."""
    last_tick = Clock.objects.values_list("last_tick", flat=True).first()
    last = Generation.objects.values_list("at", flat=True).first()
    reasons = []
    if last_tick and now - last_tick > timedelta(seconds=settings.TICK_OVERDUE_SECONDS):
        reasons.append(f"no tick for {(now - last_tick).total_seconds():.0f} s")
    due = ScheduledJob.objects.running_at(now).filter(pk=generate_upcoming_game_sessions.actor_name)
    missed = due.filter(next_run_at__lt=now - timedelta(seconds=settings.TICK_OVERDUE_SECONDS)).first()
    if missed:
        reasons.append(f"the generation of {missed.next_run_at:%Y-%m-%d %H:%M} UTC has not begun")
    nightly = Run.objects.filter(job=generate_upcoming_game_sessions.actor_name, slot__isnull=False).first()
    if nightly and _is_stuck(nightly, last, now):
        reasons.append(f"the generation of {nightly.slot:%Y-%m-%d %H:%M} UTC is {nightly.state}")
    if last_tick is None and now - _deployed_at() > timedelta(seconds=settings.TICK_OVERDUE_SECONDS):
        reasons.append("no tick since the deploy: is the scheduler process running, and a worker?")
    status = "overdue" if reasons else "ok" if last_tick and last else "starting"
    return {"status": status, "last_tick": last_tick, "last_generation": last, "reasons": reasons}


def _is_stuck(run: Run, last_generation: datetime | None, now: datetime) -> bool:
    """Whether a generation's run failed, with none since, or has not come to an end in a time that is long for it."""
    if run.state == Run.State.FAILED:
        return last_generation is None or run.finished_at is None or last_generation < run.finished_at
    patience = timedelta(seconds=settings.TICK_OVERDUE_SECONDS)
    return run.state in (Run.State.QUEUED, Run.State.RUNNING) and now - run.created_at > patience


def _deployed_at() -> datetime:
    """When this app's tables were last migrated."""
    applied: datetime = MigrationRecorder(connection).migration_qs.filter(app="workers").latest("applied").applied
    return applied


def _answers(ask: Any) -> bool:
    try:
        ask()
    except (OperationalError, RedisError):
        return False
    return True
