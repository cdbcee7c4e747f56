"""Metrics for Prometheus, read from PostgreSQL and Redis when they are asked for: any web process says the same."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from datetime import datetime

from django.conf import settings
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from events.models import Game
from events.zones import ZONE_DATA
from workers.models import Incident
from workers.monitoring import board, failures, overdue


@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """The page for whoever sends METRICS_TOKEN as `Authorization: Bearer …`; without that setting there is none."""
    if not settings.METRICS_TOKEN:
        raise Http404
    given = request.headers.get("Authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode()):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry()
    registry.register(_At(timezone.now()))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _At(Collector):
    """What prometheus_client asks: the metrics of one moment."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def collect(self) -> Iterator[Metric]:
        return collect(self.now)


def collect(now: datetime) -> Iterator[Metric]:
    """Everything that there is to measure at `now`."""
    scheduler = overdue.scheduler(now)
    if scheduler.last_tick:
        age = (now - scheduler.last_tick).total_seconds()
        yield _gauge("poker_clock_tick_age_seconds", "Seconds since the last tick of the clock.", age)
    says = "Whether the nightly generation has not begun, failed, does not end or stays paused: 1 or 0."
    yield _gauge("poker_generation_overdue", says, bool(scheduler.no_generation))
    progress = board.progress(now)
    if progress:
        age = (now - progress.generation.at).total_seconds()
        done = progress.generation.finished_at is not None
        yield _gauge(
            "poker_generation_age_seconds", "Seconds since the oldest generation not done began, or the latest.", age
        )
        yield _gauge("poker_generation_done", "Whether it has settled every game: 1 or 0.", done)
        yield _gauge("poker_games", "Active recurring games.", progress.games)
        yield _gauge("poker_games_lagging", "Games behind the generation's horizon.", progress.lagging)
    yield _gauge("poker_games_outdated", "Games to be settled anew.", Game.objects.outdated().count())
    yield _gauge("poker_games_failed", "Games that cannot be generated.", Game.objects.failing().count())
    yield _labelled("poker_queue_messages", "Messages of a queue, in Redis.", "queue", board.queue_depths())
    yield _labelled("poker_runs_24h", "Runs of the last 24 hours.", "state", board.runs_by_state(now))
    yield _gauge("poker_slots_missed_24h", "Slots missed in the last 24 hours.", failures.missed_slots(now).slots)
    took = {row["name"]: row["took"].total_seconds() for row in board.slowest_jobs(now)}
    yield _labelled("poker_job_seconds_24h", "What the slowest jobs take on average.", "job", took)
    yield _gauge("poker_jobs_failing", "Jobs that failed last.", failures.failing_jobs(now).count())
    yield _gauge("poker_dead_letters", "Failed runs of a week not made good.", failures.dead_letters(now).count())
    yield _labelled("poker_zone_data", "Which release of data on time zones is read: 1.", "version", {ZONE_DATA: 1})
    yield _labelled("poker_incidents", "What alarms are about, by kind.", "kind", _open_incidents())


def _open_incidents() -> dict[str, int]:
    """How many things are wrong, by kind."""
    opened = Incident.objects.filter(closed_at=None).order_by().values_list("kind").annotate(Count("pk"))
    return dict.fromkeys(Incident.Kind.values, 0) | dict(opened)


def _gauge(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(name, says, value=value)


def _labelled(name: str, says: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, says, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
