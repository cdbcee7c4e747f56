import pytest

from workers.triggers import parse

CRON = {"type": "cron"}


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({**CRON, "hour": 5}, "at 05:00, every day"),
        ({**CRON, "hour": 5, "day_of_week": "mon-fri"}, "at 05:00, Monday to Friday"),
        ({**CRON, "expression": "0 5 * * mon-fri"}, "at 05:00, Monday to Friday"),
        ({**CRON, "hour": "5,17", "minute": 30, "second": 15}, "at 05:30:15 and 17:30:15, every day"),
        ({**CRON, "day_of_week": "sat,sun"}, "at 00:00, every Saturday and Sunday"),
        ({**CRON, "second": "*/15"}, "every 15 seconds"),
        ({**CRON, "minute": "*/15", "hour": "9-17"}, "every 15 minutes, in hours 9 to 17"),
        ({**CRON, "minute": "*/7"}, "at minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 of every hour"),
        ({**CRON, "minute": 15}, "at minute 15 of every hour"),
        ({**CRON, "hour": "*/2"}, "every 2 hours"),
        ({**CRON, "hour": "9-17"}, "every hour from 09:00 to 17:00"),
        ({**CRON, "expression": "* * * * *"}, "every minute"),
        ({**CRON, "day": 1}, "at 00:00, on the 1st of every month"),
        ({**CRON, "day": "2nd fri, last"}, "at 00:00, on the 2nd Friday and last day of every month"),
        ({**CRON, "month": 2, "day": 29}, "at 00:00, on the 29th of February"),
        ({**CRON, "month": "jan,jul", "day_of_week": 0}, "at 00:00, every Monday, in January and July"),
        ({**CRON, "day": 13, "day_of_week": "fri"}, "at 00:00, on the 13th of every month when that is Friday"),
        ({**CRON, "expression": "0 0 13 * fri"}, "at 00:00, on the 13th of the month or every Friday"),
        ({**CRON, "week": 5, "day_of_week": 2}, "at 00:00, every Wednesday, in ISO week 5"),
        ({**CRON, "year": 2099}, "at 00:00, on the 1st of January, in 2099"),
    ],
    ids=str,
)
def test_a_cron_trigger_describes_itself(spec, sentence):
    assert parse(spec).describe() == sentence
