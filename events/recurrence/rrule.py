"""A recurrence rule as the text that calendar programs read: an RFC 5545 RRULE."""

from calendar import monthrange

from events.recurrence.rule import WEEKDAYS, Rule


def rrule(rule: Rule, count: int | None = None, until: str | None = None) -> str:
    """The rule as an RFC 5545 §3.3.10 RRULE value, for a DTSTART on any date the rule names.

    Parameters:
      count: how many dates the rule names in all.
      until: the UNTIL value, already formatted as a UTC date-time; `rule.end_date` alone, a local date,
        cannot be turned into one.

    Returns:
      The value without "RRULE:"; empty for a rule that names a single date.
    """
    if rule.recurrence == "once":
        return ""
    parts = [f"FREQ={rule.recurrence.upper()}"]
    if rule.interval > 1:
        parts.append(f"INTERVAL={rule.interval}")
    parts += _by_parts(rule)
    if count is not None:
        parts.append(f"COUNT={count}")
    if until is not None:
        parts.append(f"UNTIL={until}")
    return ";".join(parts)


def _by_parts(rule: Rule) -> list[str]:
    weekdays = ",".join(WEEKDAYS[number][:2].upper() for number in rule.weekday_numbers)
    match rule.recurrence:
        case "daily":
            return [f"BYDAY={weekdays}"] if rule.weekdays else []
        case "weekly":
            return [f"BYDAY={weekdays}", "WKST=MO"]
        case "monthly" if rule.nth:
            return [f"BYDAY={rule.nth}{weekdays}"]
        case "monthly":
            return _month_day_parts(rule, shortest_month=28)
        case "yearly":
            month = rule.start_date.month
            a_common_year = 2023
            return [f"BYMONTH={month}", *_month_day_parts(rule, monthrange(a_common_year, month)[1])]
    raise ValueError(f"Nobody has said how RFC 5545 spells the recurrence {rule.recurrence!r}.")


def _month_day_parts(rule: Rule, shortest_month: int) -> list[str]:
    """The day wanted. A clamped one is the last of several that the month has: few programs read RFC 7529's SKIP."""
    wanted = rule.wanted_day
    if wanted <= shortest_month or rule.month_end == "skip":
        return [f"BYMONTHDAY={wanted}"]
    candidates = ",".join(str(day) for day in range(shortest_month, wanted + 1))
    return [f"BYMONTHDAY={candidates}", "BYSETPOS=-1"]
