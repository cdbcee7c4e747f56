"""A clock that ticked, and a calendar that was filled, as rows."""

from datetime import UTC, datetime

from tests.deploy import deploy
from workers.models import Clock, Generation

NOW = datetime(2026, 3, 10, 2, tzinfo=UTC)  # 13:00 in Sydney
SLOT = datetime(2026, 3, 9, 18, tzinfo=UTC)  # 05:00 in Sydney


def ticked(now: datetime = NOW) -> None:
    Clock.objects.create(pk=1, last_tick=now)


def generated(at: datetime = SLOT) -> None:
    Generation.objects.create(at=at, slot=at, days=28, moved_at=at)
    deploy(at)
