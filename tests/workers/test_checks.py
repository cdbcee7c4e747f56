"""Specs that periodiq accepts and does not honour are found before a Sunday is missed."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import checks as django_checks
from dramatiq import Broker
from dramatiq.brokers.stub import StubBroker
from periodiq import CronSpec, PeriodiqMiddleware, cron

from workers import checks
from workers.checks import periodiq_specs
from workers.triggers import CronTrigger, TriggerError

FORTNIGHT = [datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=n) for n in range(14 * 24 * 60)]


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Broker:
    broker = StubBroker(middleware=[PeriodiqMiddleware()])
    monkeypatch.setattr(checks, "get_broker", lambda: broker)
    return broker


def found(stub: Broker, spec: str) -> list[Any]:
    stub.actors.clear()
    import dramatiq

    dramatiq.actor(actor_name="nightly", broker=stub, periodic=cron(spec))(lambda: None)
    return periodiq_specs()


BAD = {
    "0 5 * * 0": ("never fires on Sundays", "7"),
    "0 5 * * sun": ("never fires on Sundays", "7"),
    "0 5 * * SUN,wed": ("never fires on Sundays", "3,7"),
    "0 5 * * 0-6": ("never fires on Sundays", "1,2,3,4,5,6,7"),
    "0 5 * * */2": ("never fires on Sundays", "2,4,6,7"),
    "@weekly": ("never fires on Sundays", "7"),
    "61 * * * *": ("names minute 61", "0 to 59"),
    "0-60 * * * *": ("names minute 60", "0 to 59"),
    "0 24 * * *": ("names hour 24", "0 to 23"),
    "0 5 0 * *": ("names day of month 0", "1 to 31"),
    "0 5 32 * *": ("names day of month 32", "1 to 31"),
    "0 5 * 0 *": ("names month 0", "1 to 12"),
    "0 5 * 13 *": ("names month 13", "1 to 12"),
    "0 5 * * 8": ("names day of week 8", "0 to 7"),
    "0 0 5 * * *": ("has not five fields", "0 5 * * *"),
    "5/15 * * * *": ("names 5 alone, though it says 5/15", "1-59/2"),
    "0 5 1/7 * *": ("names 1 alone, though it says 1/7", "1-59/2"),
    "*/90 * * * *": ("is no line of a crontab", "a step is at least 1 and fits"),
    "0 5 * * */7": ("is no line of a crontab", "a step is 1 to 6"),
    "0 5 1- * *": ("is no line of a crontab", "write 15"),
    "0 5 */2 * 1": ("gives both days", "in place of */n"),
    "0 5 13 * */3": ("never fires on Sundays", "3,6,7"),
    "0 5 1-31 * 1": ("gives both days", "Write * for one that means every day"),
    "0 5 13 * 1-7": ("gives both days", "Write * for one that means every day"),
}

GOOD = [
    "* * * * *",
    "0 5 * * *",
    "0 5 * * 7",
    "0 5 * * 0-7",
    "0 5 * * 0,7",
    "0 5 * * mon-fri",
    "*/15 9-17 * * 1-5",
    "10-50/20 */6 * * *",
    "0 5 13 * 5",
    "0 5 1,15 */3 *",
    "0 5 */10 * *",
    "@hourly",
    "@daily",
    "@midnight",
    "@monthly",
    "@yearly",
    "@annually",
]


@pytest.mark.parametrize(("spec", "problem"), BAD.items(), ids=BAD)
def test_a_spec_that_periodiq_does_not_honour_is_an_error_with_the_spelling_that_works(
    stub: Broker, spec: str, problem: tuple[str, str]
) -> None:
    (error,) = found(stub, spec)

    wrong, fix = problem
    assert isinstance(error, django_checks.Error)
    assert error.id == "workers.E001"
    assert f'The periodiq spec "{spec}" of nightly {wrong}' in error.msg
    assert fix in str(error.hint)


@pytest.mark.parametrize("spec", GOOD)
def test_a_sound_spec_passes(stub: Broker, spec: str) -> None:
    assert found(stub, spec) == []


def test_the_hint_for_sundays_can_be_taken_as_it_stands(stub: Broker) -> None:
    for spec in ("0 5 * * 0", "0 5 * * 0-6", "0 5 * * */2"):
        (error,) = found(stub, spec)
        days = str(error.hint).removesuffix(".").split()[-1]
        assert found(stub, f"0 5 * * {days}") == []


def test_actors_that_are_not_periodic_have_no_spec_to_check(stub: Broker) -> None:
    import dramatiq

    dramatiq.actor(actor_name="other", broker=stub)(lambda: None)

    assert periodiq_specs() == []


def test_the_code_that_ships_is_sound() -> None:
    assert periodiq_specs() == []
    assert periodiq_specs in django_checks.registry.registry.get_checks()


# --- Against periodiq itself ------------------------------------------------------------------------------


def agree(spec: CronSpec) -> bool:
    """Whether over a fortnight periodiq sends at the very minutes that the trigger names."""
    try:
        trigger = CronTrigger.from_crontab(str(spec), "UTC")
    except TriggerError:
        return False
    return list(trigger.fires(FORTNIGHT[0], FORTNIGHT[-1])) == [minute for minute in FORTNIGHT if spec.validate(minute)]


@pytest.mark.parametrize("spec", [spec for spec in GOOD if "yearly" not in spec and "annually" not in spec])
def test_periodiq_honours_what_passes(spec: str) -> None:
    assert agree(cron(spec))


@pytest.mark.parametrize("spec", [spec for spec in BAD if "13" not in spec.split()[2:4]])
def test_what_is_refused_is_no_spec_or_one_that_periodiq_does_not_honour(spec: str) -> None:
    assert len(spec.split()) == 6 or not agree(cron(spec))


def generated(seed: int) -> str:
    pick = random.Random(seed)

    def some(least: int, greatest: int) -> str:
        low, high = sorted(pick.choices(range(least, greatest + 1), k=2))
        step = pick.randint(1, 9)
        forms = ["*", "*", f"{low}", f"{low},{high}", f"{low}-{high}", f"*/{step}", f"{low}-{high}/{step}"]
        return pick.choice([*forms, f"{low}/{step}"])

    return " ".join(some(*span) for span in ((0, 59), (0, 23), (1, 31), (1, 4), (0, 7)))


def test_of_generated_specs_none_passes_that_periodiq_and_the_trigger_read_differently(stub: Broker) -> None:
    specs = [generated(seed) for seed in range(120)]

    passed = [spec for spec in specs if not found(stub, spec)]

    assert 20 < len(passed) < 100
    assert [spec for spec in passed if not agree(cron(spec))] == []
