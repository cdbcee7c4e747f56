"""An independent oracle for cron: brute force.

It walks every minute of a week in UTC and asks the zone what its clocks show. It takes from that which walls
exist, which exist twice and which never, and applies the policy to the generated spec, which it holds as data: it
parses no expression, and shares no code with the triggers.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from zoneinfo import ZoneInfo

NAIVE_EPOCH = datetime(1970, 1, 1)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
LIMITS = {
    "year": (1970, 9999),
    "month": (1, 12),
    "day": (1, 31),
    "week": (1, 53),
    "day_of_week": (0, 6),
    "hour": (0, 23),
    "minute": (0, 59),
    "second": (0, 59),
}


@dataclass(frozen=True)
class Week:
    """Seven days around an edge of daylight saving; minutes are counted from 1970, in UTC or on the wall."""

    zone: str
    first_day: date
    seconds_shifted: int

    def __str__(self):
        return f"{self.zone} {self.first_day}"

    @property
    def first(self):
        return datetime(self.first_day.year, self.first_day.month, self.first_day.day, tzinfo=UTC)

    @property
    def last(self):
        return self.first + timedelta(days=7, seconds=-1)

    @cached_property
    def clocks(self):
        """Wall minute of every UTC minute, two days to either side included."""
        zone, start = ZoneInfo(self.zone), int(self.first.timestamp()) // 60 - 2 * 1440
        shown = {}
        for minute in range(start, start + 11 * 1440):
            wall = datetime.fromtimestamp(minute * 60, zone).replace(tzinfo=None)
            shown[minute] = int((wall - NAIVE_EPOCH).total_seconds()) // 60
        return shown

    @cached_property
    def fixed(self):
        """UTC minute of every wall minute: the first that shows it; for one never shown, as if nothing had changed."""
        first_shown: dict[int, int] = {}
        for minute, wall in self.clocks.items():
            first_shown.setdefault(wall, minute)
        instants, reading = {}, 0
        for wall in range(min(first_shown), max(first_shown) + 1):
            if wall in first_shown:
                reading = first_shown[wall] - wall
            instants[wall] = wall + reading
        return instants


@cache
def wall_parts(minute):
    wall = NAIVE_EPOCH + timedelta(minutes=minute)
    return wall.date(), wall.hour, wall.minute


@dataclass
class Spec:
    """Cron fields as data: a list of items per field."""

    items: dict[str, list[tuple]] = field(default_factory=dict)

    def kwargs(self):
        return {name: ",".join(map(self.text_of, items)) for name, items in self.items.items()}

    @staticmethod
    def text_of(item):
        match item:
            case ("every", 1):
                return "*"
            case ("every", step):
                return f"*/{step}"
            case ("range", low, high, 1):
                return str(low) if low == high else f"{low}-{high}"
            case ("range", low, high, step):
                return f"{low}-{high}/{step}"
            case ("names", names, low, high):
                return names[low] if low == high else f"{names[low]}-{names[high]}"
            case ("nth", position, weekday):
                return f"{('1st', '2nd', '3rd', '4th', '5th')[position]} {WEEKDAYS[weekday]}"
            case ("last", None):
                return "last"
            case ("last", weekday):
                return f"last {WEEKDAYS[weekday]}"

    def allows(self, name, value, day=None):
        return any(self.item_allows(item, name, value, day) for item in self.items_of(name))

    def items_of(self, name):
        if name in self.items:
            return self.items[name]
        order = list(LIMITS)
        coarser = order.index(name) < max(order.index(given) for given in self.items)
        low = LIMITS[name][0]
        return [("every", 1)] if coarser or name in ("week", "day_of_week") else [("range", low, low, 1)]

    @staticmethod
    def item_allows(item, name, value, day):
        match item:
            case ("every", step):
                return (value - LIMITS[name][0]) % step == 0
            case ("range", low, high, step):
                return low <= value <= high and (value - low) % step == 0
            case ("names", names, low, high):
                offset = 1 if names is MONTHS else 0
                return low <= value - offset <= high
            case ("nth", position, weekday):
                return day.weekday() == weekday and (day.day - 1) // 7 == position
            case ("last", None):
                return (day + timedelta(days=1)).month != day.month
            case ("last", weekday):
                return day.weekday() == weekday and (day + timedelta(days=7)).month != day.month

    def allows_date(self, day):
        return (
            self.allows("year", day.year)
            and self.allows("month", day.month)
            and self.allows("day", day.day, day)
            and self.allows("week", day.isocalendar().week)
            and self.allows("day_of_week", day.weekday())
        )

    @property
    def follows_elapsed_time(self):
        return self.items_of("hour")[0][0] == "every"

    def expected(self, week):
        """Every fire of the week as seconds since 1970, ascending."""
        hours = {hour for hour in range(24) if self.allows("hour", hour)}
        minutes = {minute for minute in range(60) if self.allows("minute", minute)}
        seconds = [second for second in range(60) if self.allows("second", second)]
        dates = {}

        def matches(wall):
            day, hour, minute = wall_parts(wall)
            if hour not in hours or minute not in minutes:
                return False
            if day not in dates:
                dates[day] = self.allows_date(day)
            return dates[day]

        if self.follows_elapsed_time:
            instants = {instant for instant, wall in week.clocks.items() if matches(wall)}
        else:
            instants = {instant for wall, instant in week.fixed.items() if matches(wall)}
        first, last = week.first.timestamp(), week.last.timestamp()
        return [at for minute in sorted(instants) for s in seconds if first <= (at := minute * 60 + s) <= last]


def random_spec(rng, week):
    spec = Spec()
    while not spec.items:
        for name, chance in (
            ("year", 0.1), ("month", 0.2), ("day", 0.25), ("week", 0.1),
            ("day_of_week", 0.3), ("hour", 0.7), ("minute", 0.6), ("second", 0.25),
        ):  # fmt: skip
            if rng.random() < chance:
                spec.items[name] = [random_item(rng, name, week) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    return spec


def random_item(rng, name, week):
    low, high = LIMITS[name]
    day = week.first_day + timedelta(days=rng.randrange(7))
    near = {
        "year": day.year,
        "month": day.month,
        "day": day.day,
        "week": day.isocalendar().week,
        "day_of_week": day.weekday(),
        "hour": rng.choice((0, 1, 2, 2, 3, 23)),
    }.get(name, rng.randint(low, high))
    kinds = ["every", "one", "one", "range", "range", "stepped"]
    if name == "day":
        kinds += ["nth", "nth", "last", "last weekday"]
    if name in ("month", "day_of_week"):
        kinds += ["names", "names"]
    start, end = max(low, near - rng.randrange(8)), min(high, near + rng.randrange(8))
    match rng.choice(kinds):
        case "every":
            return ("every", rng.choice((1, 2, 3, 5)))
        case "one":
            return ("range", near, near, 1)
        case "stepped" if end > start:
            return ("range", start, end, rng.randint(1, end - start))
        case "names":
            offset = 1 if name == "month" else 0
            return ("names", MONTHS if name == "month" else WEEKDAYS, start - offset, end - offset)
        case "nth":
            return ("nth", (day.day - 1) // 7, day.weekday())
        case "last":
            return ("last", None)
        case "last weekday":
            return ("last", day.weekday())
        case _:
            return ("range", start, end, 1)


WEEKS = [
    Week("UTC", date(2026, 2, 25), 0),
    Week("UTC", date(2026, 12, 28), 0),
    Week("Australia/Sydney", date(2026, 4, 2), -3600),
    Week("Australia/Sydney", date(2026, 10, 1), 3600),
    Week("America/New_York", date(2026, 3, 5), 3600),
    Week("America/New_York", date(2026, 10, 29), -3600),
    Week("Asia/Beirut", date(2026, 3, 26), 3600),
    Week("Asia/Beirut", date(2026, 10, 22), -3600),
    Week("Australia/Lord_Howe", date(2026, 4, 2), -1800),
    Week("Australia/Lord_Howe", date(2026, 10, 1), 1800),
    Week("Europe/London", date(2026, 3, 26), 3600),
    Week("Europe/London", date(2026, 10, 22), -3600),
]


def seconds_of(fires):
    return [int(fire.timestamp()) for fire in fires]
