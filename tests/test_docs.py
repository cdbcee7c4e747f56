"""What the documents say is so: commands work as typed, and variables, metrics and links exist."""

import re
import shutil
import subprocess
import sys
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.utils import timezone

from events.models import Game, Venue
from server.supervisor import procfile
from tests.deploy import deploy
from tests.processes import Clock, environment, running
from workers import generation
from workers.broker import broker
from workers.metrics import collect
from workers.models import Clock as Heartbeat

TOP = Path(__file__).resolve().parents[1]
PAGES = [TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))]
ALERTS = TOP / "docs" / "alerts.yml"


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


def variables(table: str) -> set[str]:
    """The variables named in the first column of a table."""
    return {name for row in re.findall(r"^\|([^|]+)\|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}


# --- Commands ---------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_every_sh_block_works_as_typed(tmp_path: Path) -> None:
    """While a worker is up. What needs a platform, or would start this very test again, is marked `console`."""
    (venue,) = Venue.objects.bulk_create([Venue(name="Star", slug="star")])
    weekly = {"recurrence": "weekly", "start_date": date(2026, 1, 1), "start_time": time(19)}
    Game.objects.bulk_create([Game(pk=1, venue=venue, name="Thursday NLHE", **weekly)])
    clock = Clock(timezone.now())
    deploy(clock.now())
    broker().flush_all()
    lines = [line for page in PAGES for block in blocks(page, "sh") for line in block.splitlines() if line.strip()]
    assert len(lines) >= 6

    env = environment(clock, settings.REDIS_URL)
    with running("worker", env=env, data=tmp_path):
        for line in dict.fromkeys(lines):
            command = line.replace(".venv/bin/python", sys.executable)
            ended = subprocess.run(command, shell=True, env=env, cwd=TOP, capture_output=True, text=True, timeout=60)
            assert ended.returncode == 0, f"{line}\n{ended.stdout}{ended.stderr}"

    assert Game.objects.get().sessions.exists()
    broker().flush_all()


def test_make_knows_the_targets_that_are_named() -> None:
    targets = set(re.findall(r"^([a-z]+):", (TOP / "Makefile").read_text(), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(), re.MULTILINE)}

    assert named <= targets


# --- Settings ---------------------------------------------------------------------------------------------


def test_the_page_of_the_settings_lists_exactly_those_that_are_read() -> None:
    source = (TOP / "server" / "settings.py").read_text()
    read = set(re.findall(r'env\.\w+\(\s*"(\w+)"', source))
    of_the_settings, of_the_procfile = (TOP / "docs" / "settings.md").read_text().split("The Procfile reads")

    assert variables(of_the_settings) == read
    commands = " ".join(procfile(TOP / "Procfile").values())
    assert variables(of_the_procfile) == set(re.findall(r"\$\{(\w+)", commands))


def test_the_example_of_an_environment_knows_every_variable() -> None:
    shown = set(re.findall(r"^#?([A-Z_]+)=", (TOP / ".env.example").read_text(), re.MULTILINE))

    assert variables((TOP / "docs" / "settings.md").read_text()) - {"HOST", "PORT"} == shown


# --- Metrics and alerts -----------------------------------------------------------------------------------


@pytest.fixture
def metrics(db: None) -> set[str]:
    """Every metric there is once the clock ticks and a generation has begun."""
    now = timezone.now()
    Heartbeat.objects.create(pk=1, last_tick=now)
    generation.begin(now, days=28, slot=None)
    return {family.name for family in collect(now)}


def test_the_page_lists_exactly_the_metrics_there_are(metrics: set[str]) -> None:
    page = (TOP / "docs" / "operations.md").read_text()

    assert set(re.findall(r"poker_\w+", page)) == metrics


def test_every_metric_that_an_alert_names_exists(metrics: set[str]) -> None:
    groups: Any = yaml.safe_load(ALERTS.read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]

    assert {name for rule in rules for name in re.findall(r"poker_\w+", str(rule))} <= metrics
    assert len({rule["alert"] for rule in rules}) == len(rules) > 5
    for rule in rules:
        assert re.search(r"poker_\w+|\bup\b", rule["expr"])
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_promtool_takes_the_alerts() -> None:
    ended = subprocess.run(["promtool", "check", "rules", ALERTS], capture_output=True, text=True, timeout=30)

    assert ended.returncode == 0, ended.stdout + ended.stderr


# --- Links ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []
