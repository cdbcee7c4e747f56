"""The slots of jobs, and the runs that they must have."""

from collections import Counter
from datetime import datetime
from typing import Any

from tests.faults.calendar import Difference
from workers.models import Run


def compare(expected: dict[str, list[datetime]], first: datetime, last: datetime) -> Difference:
    """The runs that have ended, succeeded or failed for anybody to see, against the slots from `first` to `last`.

    No run may stand for several slots.
    """
    wanted: Counter[Any] = Counter(
        (job, slot) for job, slots in expected.items() for slot in slots if first <= slot <= last
    )
    runs = Run.objects.filter(job__in=expected, slot__range=(first, last))
    found: Counter[Any] = Counter(runs.filter(state__in=["succeeded", "failed"]).values_list("job", "slot"))
    others = runs.filter(covers__gt=1).count()
    return Difference(
        lost=(wanted - found).total(),
        duplicated=sum(n - 1 for n in found.values()),
        unexpected=len(found.keys() - wanted.keys()) + others,
    )


def total(*differences: Difference) -> Difference:
    return Difference(
        sum(each.lost for each in differences),
        sum(each.duplicated for each in differences),
        sum(each.unexpected for each in differences),
    )
