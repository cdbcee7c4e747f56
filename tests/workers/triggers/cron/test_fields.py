import random
import time
from datetime import UTC, timedelta

import pytest
from apscheduler.triggers.cron import CronTrigger as APSchedulerCron

from tests.workers.triggers.cron.oracle import WEEKS, random_spec
from tests.workers.triggers.moments import NOW, utc
from tests.workers.triggers.refusals import assert_refused
from workers.triggers import CronTrigger

CRON = {"type": "cron"}


def test_fields_mean_what_they_mean_to_apscheduler():
    rng = random.Random("apscheduler")
    for _ in range(80):
        spec = random_spec(rng, WEEKS[0])
        theirs = APSchedulerCron(**spec.kwargs(), timezone=UTC)
        ours = CronTrigger(**spec.kwargs(), timezone=UTC)
        fire = NOW
        for _ in range(3):
            expected = theirs.get_next_fire_time(None, fire + timedelta(microseconds=1))
            assert ours.next_fire(fire) == expected, spec.kwargs()
            if expected is None:
                break
            fire = expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"hour": 5}, utc(2026, 11, 24, 5)),
        ({"day": 1}, utc(2026, 12, 1)),
        ({"month": "feb"}, utc(2027, 2, 1)),
        ({"year": 2099}, utc(2099, 1, 1)),
        ({"week": 53}, utc(2026, 12, 28)),
        ({"day_of_week": "sun"}, utc(2026, 11, 29)),
        ({"day_of_week": 0}, utc(2026, 11, 30)),
        ({"minute": 15}, utc(2026, 11, 23, 9, 15)),
        ({"second": 30}, utc(2026, 11, 23, 9, 0, 30)),
        ({"day": "last"}, utc(2026, 11, 30)),
        ({"day": "2nd FRI"}, utc(2026, 12, 11)),
        ({"day": "last sun, 1"}, utc(2026, 11, 29)),
        ({"month": "jan-dec/6", "day": 1}, utc(2027, 1, 1)),
        ({"day_of_week": "mon-fri/2", "hour": "0"}, utc(2026, 11, 25)),
    ],
    ids=str,
)
def test_fields_finer_than_the_finest_given_are_at_their_minimum(fields, expected):
    assert CronTrigger(**fields, timezone="UTC").next_fire(NOW) == expected


@pytest.mark.parametrize(
    ("spec", "field_name", "words"),
    [
        ({**CRON, "minute": "*/0"}, "trigger.minute", "step is at least 1"),
        ({**CRON, "minute": "61"}, "trigger.minute", "from 0 to 59"),
        ({**CRON, "minute": 61}, "trigger.minute", "from 0 to 59"),
        ({**CRON, "minute": "*/60"}, "trigger.minute", "fits into its range"),
        ({**CRON, "hour": 24}, "trigger.hour", "from 0 to 23"),
        ({**CRON, "hour": -1}, "trigger.hour", "from 0 to 23"),
        ({**CRON, "hour": "10-5"}, "trigger.hour", "from low to high"),
        ({**CRON, "hour": ""}, "trigger.hour", "write 5, 9-17"),
        ({**CRON, "hour": "5,"}, "trigger.hour", "write 5, 9-17"),
        ({**CRON, "hour": "five"}, "trigger.hour", "write 5, 9-17"),
        ({**CRON, "hour": 5.5}, "trigger.hour", "write 5, 9-17"),
        ({**CRON, "hour": True}, "trigger.hour", "write 5, 9-17"),
        ({**CRON, "hour": [5]}, "trigger.hour", "write 5, 9-17"),
        ({**CRON, "hour": "\u0665"}, "trigger.hour", "write 5, 9-17"),
        ({**CRON, "hour": "5" * 10_000}, "trigger.hour", "write 5, 9-17"),
        ({**CRON, "hour": "x" * 400}, "trigger.hour", "'" + "x" * 59 + " is not valid"),
        ({**CRON, "hour": 10**40}, "trigger.hour", "from 0 to 23"),
        ({**CRON, "second": 60}, "trigger.second", "from 0 to 59"),
        ({**CRON, "day": 0}, "trigger.day", "from 1 to 31"),
        ({**CRON, "day": 32}, "trigger.day", "from 1 to 31"),
        ({**CRON, "day": "6th fri"}, "trigger.day", "2nd fri"),
        ({**CRON, "day": "2nd friday"}, "trigger.day", "2nd fri"),
        ({**CRON, "day": "lastly"}, "trigger.day", "last sun"),
        ({**CRON, "month": 13}, "trigger.month", "from 1 to 12"),
        ({**CRON, "month": "june"}, "trigger.month", "jan"),
        ({**CRON, "day_of_week": 7}, "trigger.day_of_week", "0 (Monday)"),
        ({**CRON, "day_of_week": "fri-mon"}, "trigger.day_of_week", "from low to high"),
        ({**CRON, "week": 54}, "trigger.week", "from 1 to 53"),
        ({**CRON, "year": 1969}, "trigger.year", "from 1970"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_bad_field_is_refused_with_its_name_and_the_fix(spec, field_name, words):
    assert_refused(spec, field_name, words)


#: As many items as fit, each written otherwise, of which hardly any date or none is named.
MANY = {
    "the same": {"day": ",".join(["5th fri"] * 55)},
    "the same number": {"day": ",".join(f"{'0' * n}31" for n in range(22)), "month": "2-11", "week": "53"},
    "ranges": {"day": ",".join(f"{a}-31/{b}" for a in range(1, 28) for b in (1, 2))[:499].rpartition(",")[0]},
    "of no date": {"day": ",".join(["29-31/1", "30-31/1", "29-30/1", "029-31"] * 16), "month": "2-11", "week": "53"},
    "years": {"year": ",".join(f"{a}/{b}" for a in range(1970, 1980) for b in (7, 8, 9, 11)), "month": 2, "day": "30"},
    "positions": {
        "day": ",".join(f"{nth} {day}" for nth in ("5th", "last") for day in ("mon", "tue", "wed", "thu", "fri")),
        "month": 2,
        "week": "1-4",
    },
    "minutes": {"minute": ",".join(f"{a}-59/{b}" for a in range(40) for b in (3, 7))[:499].rpartition(",")[0]},
}


@pytest.mark.parametrize("fields", MANY.values(), ids=MANY)
def test_many_items_cost_no_more_than_few(fields):
    """A hundred spellings of one day took 23 s here; sixty times `5th fri`, 26 s of a POST."""
    began = time.process_time()

    trigger = CronTrigger(**fields, timezone="Australia/Sydney")
    trigger.smallest_gap()
    trigger.describe()
    trigger.next_fire(NOW)

    assert time.process_time() - began < 1
