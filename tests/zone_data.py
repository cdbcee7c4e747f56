"""Other zone data than the package's."""

import shutil
from pathlib import Path

from events.zones import ZONE_FILES


def exchange(folder: Path, **zones: str) -> Path:
    """The package `tzdata` in a folder, in which the files of some zones, such as `Australia__Sydney`, are others'."""
    package = folder / "tzdata"
    shutil.copytree(ZONE_FILES.parent, package)
    for zone, other in zones.items():
        shutil.copy(ZONE_FILES / other, package / "zoneinfo" / zone.replace("__", "/"))
    return package / "zoneinfo"


def lie_about(folder: Path, *zones: str) -> dict[str, str]:
    """Other zone data, in which these zones are at UTC-8; the variables by which a process would read it."""
    for zone in zones:
        (folder / zone).parent.mkdir(exist_ok=True)
        shutil.copy(ZONE_FILES / "Etc" / "GMT+8", folder / zone)
    return {"PYTHONTZPATH": str(folder), "TZDIR": str(folder)}
