"""Which recurrence rules are refused, each with the fix."""

from dataclasses import MISSING, asdict, fields

from events.recurrence.rule import USED_FIELDS, WEEKDAYS, Rule

_DEFAULTS = {field.name: field.default for field in fields(Rule) if field.default is not MISSING}


class RuleError(ValueError):
    """A rule that cannot be meant: `field` names what to change, the text says why and to what."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def check(rule: Rule, count: int | None = None) -> None:
    """Refuse a rule that cannot be meant. A rule that merely happens to name no date is accepted.

    Parameters:
      count: how many dates the rule is to name in all, where it ends by number rather than by date.

    Raises:
      RuleError: names the first offending field and the fix.
    """
    if rule.recurrence not in USED_FIELDS:
        raise RuleError("recurrence", f"{rule.recurrence!r} is unknown; use {', '.join(USED_FIELDS)}.")
    _check_unused_fields(rule, count)
    if rule.interval < 1:
        raise RuleError("interval", f"{rule.interval} is too small; use 1 or more.")
    _check_weekdays(rule)
    if rule.recurrence == "monthly":
        _check_day_of_month(rule)
    if rule.month_end not in ("clamp", "skip"):
        raise RuleError("month_end", f"{rule.month_end!r} is unknown; use clamp or skip.")
    _check_end(rule, count)


def _check_unused_fields(rule: Rule, count: int | None) -> None:
    given = asdict(rule) | {"count": count}
    for name, default in (_DEFAULTS | {"count": None}).items():
        if given[name] != default and name not in USED_FIELDS[rule.recurrence]:
            raise RuleError(name, f"Recurrence {rule.recurrence!r} does not use {name}; leave it out.")


def _check_weekdays(rule: Rule) -> None:
    for name in rule.weekdays:
        if name not in WEEKDAYS:
            raise RuleError("weekdays", f"{name!r} is unknown; use {', '.join(WEEKDAYS)}.")
        if rule.weekdays.count(name) > 1:
            raise RuleError("weekdays", f"{name!r} is repeated; name each weekday once.")


def _check_day_of_month(rule: Rule) -> None:
    if rule.nth is None and rule.weekdays:
        raise RuleError("weekdays", "A weekday needs its place: choose which in the month (nth), or drop the weekday.")
    if rule.month_day is not None and not 1 <= rule.month_day <= 31:
        raise RuleError("month_day", f"{rule.month_day} is no day of a month; use 1 to 31.")
    if rule.nth is None:
        return
    if rule.nth not in (1, 2, 3, 4, -1):
        raise RuleError("nth", f"{rule.nth} is out of range; use 1 to 4, or -1 for the last.")
    if rule.month_day is not None:
        raise RuleError("nth", _exclusive("Which in the month (nth)", "day of the month (month_day)"))
    if len(rule.weekdays) != 1:
        raise RuleError(
            "weekdays", f"Which in the month (nth) needs exactly one weekday, not {len(rule.weekdays)}; name one."
        )


def _check_end(rule: Rule, count: int | None) -> None:
    if rule.end_date is not None and rule.end_date < rule.start_date:
        raise RuleError("end_date", f"{rule.end_date} is before the start; use {rule.start_date} or later.")
    if count is None:
        return
    if count < 1:
        raise RuleError("count", f"{count} is too small; use 1 or more, or leave it out.")
    if rule.end_date is not None:
        raise RuleError("count", _exclusive("Number of dates (count)", "last date (end_date)"))


def _exclusive(one: str, other: str) -> str:
    return f"{one} and {other} exclude each other; leave one of them out."
