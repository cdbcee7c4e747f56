"""How late second-level jobs start on an otherwise idle system, by the Procfile's own processes."""

from __future__ import annotations

import time
from datetime import timedelta
from statistics import quantiles

from django.utils import timezone

from tests.benchmarks.contenders import DEPLOYED, PROCFILE
from tests.benchmarks.figures import Figures
from tests.benchmarks.place import Spoilt, flush_redis, require_solitude
from tests.benchmarks.processes import processes, wait_until_attached
from workers import jobs
from workers.models import Run, ScheduledJob

#: As many jobs, each every ten seconds: one a second.
JOBS = 10


def watch(seconds: int, figures: Figures) -> None:
    """The median and the 99th percentile, in seconds, of what lies between a slot and the start of its run."""
    Run.objects.all().delete()
    flush_redis()
    require_solitude()
    with processes(PROCFILE["worker"], PROCFILE["scheduler"], **DEPLOYED) as started:
        wait_until_attached(started)
        now = timezone.now()
        for n in range(JOBS):
            row = ScheduledJob(id=f"every-{n}", actor="scheduled_job", trigger={"type": "cron", "second": f"{n}-59/10"})
            jobs.check(row, now)
            row.save(now=now)
        time.sleep(seconds)
        until = timezone.now() - timedelta(seconds=5)
    runs = Run.objects.filter(job__id__startswith="every-", slot__lte=until).exclude(started_at=None)
    late = [(run.started_at - run.slot).total_seconds() for run in runs if run.started_at and run.slot]
    if len(late) < seconds - 15:
        raise Spoilt(f"Only {len(late)} runs started in {seconds} s.")
    hundredths = quantiles(late, n=100)
    figures.add("punctuality", "p50", hundredths[49])
    figures.add("punctuality", "p99", hundredths[98])
    for row in ScheduledJob.objects.filter(id__startswith="every-"):
        row.delete()
