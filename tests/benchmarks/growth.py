"""What a game costs when there are more of them, or when their rules are old; and what the fan-out takes of memory."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from zoneinfo import ZoneInfo

from django.utils import timezone

from tests.benchmarks.contenders import DEPLOYED, OURS
from tests.benchmarks.figures import Figures
from tests.benchmarks.generation import generate
from tests.benchmarks.league import ZONE, League
from tests.benchmarks.place import TOP, flush_redis

#: Beyond so many games once is enough: what varies between runs is small beside what they take.
ONCE_ABOVE = 10_000


def grow(sizes: list[int], repeat: int, figures: Figures) -> None:
    """Milliseconds that a first generation takes a game, and megabytes at most that its fan-out takes, by size."""
    for games in sizes:
        league = League(games)
        for _ in range(repeat if games <= ONCE_ABOVE else 1):
            figures.add("memory", f"{games}", _fan_out())
            figures.add("growth", f"{games}", _milliseconds(league))


def grow_old(games: int, repeat: int, figures: Figures) -> None:
    """The time a game takes by a rule begun in 1990 and by one begun today, both daily: no rule has more dates."""
    today = timezone.now().astimezone(ZoneInfo(ZONE)).date()
    for _ in range(repeat):
        for name, begun in (("begun-today", today), ("begun-1990", date(1990, 1, 1))):
            figures.add("age", name, _milliseconds(League(games, begun=begun)))


def _milliseconds(league: League) -> float:
    ((_, seconds),) = generate(league, OURS, "first")
    return seconds * 1000 / league.games


def _fan_out() -> float:
    """The peak of a process that does what the generation actor does, and nothing else."""
    fan_out = [sys.executable, "-m", "tests.benchmarks.fan_out"]
    done = subprocess.run(fan_out, env={**os.environ, **DEPLOYED}, cwd=TOP, capture_output=True, text=True, check=True)
    flush_redis()
    return float(done.stdout)
