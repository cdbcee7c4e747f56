"""Zone data: the package's alone, and each instant worked out from it as another program reads it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest

from events.recurrence import Rule
from events.slots import Schedule
from events.zones import NOT_ZONES, ZONE_DATA, ZONE_FILES
from tests.zone_data import lie_about

DAYS = 400
START = date.today()

#: Instants from which an offset (seconds) holds, the first since long ago.
Offsets = list[tuple[datetime, timedelta]]
LONG_AGO = datetime(1, 1, 2, tzinfo=UTC)


def test_the_version_is_that_of_the_files() -> None:
    assert (ZONE_FILES / "tzdata.zi").read_text().startswith(f"# version {ZONE_DATA}\n")


# --- Another program's reading of the same files ------------------------------------------------------------


def zdump(option: str) -> Iterator[str]:
    """What zdump(8) says of every zone of the package, from a year before the days of the test to one after them."""
    years = f"{START.year - 1},{START.year + 3}"
    zones = sorted(available_timezones() - NOT_ZONES)
    command = ["zdump", option, "-c", years, *(str(ZONE_FILES / zone) for zone in zones)]
    yield from subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def read_zdump() -> dict[str, Offsets]:
    offsets: dict[str, Offsets] = {}
    for line in zdump("-i"):  # the offset before the first change: `-v` does not say it of a zone without changes
        if line.startswith("TZ="):
            zone = str(Path(line[4:-1]).relative_to(ZONE_FILES))
        elif line.startswith("-\t-\t"):
            offsets[zone] = [(LONG_AGO, offset(line.split("\t")[2]))]
    for line in zdump("-v"):  # path  Sun Apr  5 16:00:00 2026 UT = Mon … isdst=0 gmtoff=36000
        path, *words = line.split()
        if words[-1].startswith("gmtoff="):
            at = datetime.strptime(" ".join(words[1:5]), "%b %d %H:%M:%S %Y").replace(tzinfo=UTC)
            since = timedelta(seconds=int(words[-1].removeprefix("gmtoff=")))
            known = offsets[str(Path(path).relative_to(ZONE_FILES))]
            if since != known[-1][1]:
                known.append((at, since))
    return offsets


def offset(text: str) -> timedelta:
    """Of `+1030`, `-08` and the like."""
    digits = f"{text[1:]:0<6}"
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]), seconds=int(digits[4:]))
    return -size if text[0] == "-" else size


def instant(wall: datetime, offsets: Offsets) -> datetime:
    """RFC 5545 §3.3.5: the first instant at which the wall clock shows it; in a gap, by the offset before the gap."""
    ends = [*(start for start, _ in offsets[1:]), datetime.max.replace(tzinfo=UTC)]
    for (start, offset), end in zip(offsets, ends, strict=True):
        at = (wall - offset).replace(tzinfo=UTC)
        if start <= at < end:
            return at
    for (_, before), (change, after) in pairwise(offsets):
        if change.replace(tzinfo=None) + before <= wall < change.replace(tzinfo=None) + after:
            return (wall - before).replace(tzinfo=UTC)
    raise AssertionError(wall)


@pytest.mark.skipif(shutil.which("zdump") is None, reason="zdump(8) is not installed: on Debian it is in libc-bin")
@pytest.mark.parametrize("at", [time(0), time(2, 30), time(19)], ids=str)
def test_for_400_days_every_zone_has_its_nights_when_zdump_says(at: time, known: dict[str, Offsets]) -> None:
    assert set(known) == available_timezones() - NOT_ZONES
    days = [START + timedelta(n) for n in range(DAYS)]

    wrong = []
    for zone, offsets in known.items():
        schedule = Schedule(Rule("daily", START), at, timedelta(hours=4), ZoneInfo(zone))
        found = [slot.starts_at for slot in schedule.slots(days[0], days[-1])]
        right = [instant(datetime.combine(day, at), offsets) for day in days]
        wrong += [(zone, *pair) for pair in zip(found, right, strict=True) if pair[0] != pair[1]]

    assert wrong == []


@pytest.fixture(scope="module")
def known() -> dict[str, Offsets]:
    return read_zdump()


# --- On a host that says otherwise --------------------------------------------------------------------------

#: What every process that loads the settings knows of Vancouver, which in 2026 stays on UTC-7.
ASK = """
import time
from datetime import datetime, UTC
from zoneinfo import ZoneInfo
import django, pendulum
django.setup()
at = datetime(2026, 12, 4, 2, tzinfo=UTC)
print(*(f"{each:%H:%M}" for each in (
    at.astimezone(ZoneInfo("America/Vancouver")),
    pendulum.instance(at).in_timezone("America/Vancouver"),
    datetime(*time.localtime(datetime(2026, 11, 27, 18, tzinfo=UTC).timestamp())[:6]),
)))
"""


@pytest.mark.parametrize("elsewhere", [{}, {"PYTHONTZPATH": "", "TZDIR": ""}, None], ids=["host", "nowhere", "others"])
def test_neither_the_hosts_zone_data_nor_other_folders_count(elsewhere: dict[str, str] | None, tmp_path: Path) -> None:
    other = lie_about(tmp_path, "America/Vancouver", "Australia/Sydney")
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "server.settings", **(other if elsewhere is None else elsewhere)}

    done = subprocess.run([sys.executable, "-c", ASK], env=env, capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["19:00", "19:00", "05:00"]
