"""Run by itself: one generation's fan-out, and how many megabytes the process took at most."""

import re
import resource
from pathlib import Path

import django

django.setup()

from django.utils import timezone  # noqa: E402

from workers import generation  # noqa: E402

STATUS = Path("/proc/self/status")


def peak() -> float:
    if STATUS.exists():  # on Linux the resource module also counts what the parent took before it started this
        (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", STATUS.read_text())
        return int(kilobytes) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS counts bytes


generation.generate(timezone.now(), days=None)
print(peak())
