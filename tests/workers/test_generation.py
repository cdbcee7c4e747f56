"""The record of a generation, its fan-out, and the re-sending of what was lost."""

import logging
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from events.models import Game, GameDate, GameSession
from events.public_holidays import HOLIDAYS
from events.sessions import GenerationError, WindowError
from events.zones import fingerprint
from tests.factories import make_game, make_games, make_venue
from tests.workers.conftest import Queues
from workers import generation
from workers.committer import committer
from workers.models import Generation

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 2, tzinfo=UTC)  # 13:00 in Sydney
TODAY = date(2026, 3, 10)
HORIZON = date(2026, 4, 7)
SLOT = datetime(2026, 3, 9, 18, tzinfo=UTC)  # 05:00 in Sydney
GOOD_FRIDAY = date(2026, 4, 3)


@pytest.fixture(autouse=True)
def _settings(settings: Any, queues: Queues) -> None:
    settings.LOOKAHEAD_DAYS = 28
    settings.RESEND_AFTER_SECONDS = 120


def begin(now: datetime = NOW, *, days: int | None = None, slot: datetime | None = None) -> Generation:
    return generation.begin(now, days=days, slot=slot)


def settled(through: date = HORIZON, **fields: Any) -> Game:
    return make_game(generated_through=through, **fields)


def settle(game: Game, through: date = HORIZON) -> None:
    """As whoever writes its sessions leaves a game."""
    Game.objects.filter(pk=game.pk).update(generated_through=through, zone_data=fingerprint(game.venue.timezone))


# --- begin ------------------------------------------------------------------------------------------------


def test_a_generation_records_its_time_and_how_far_it_looks() -> None:
    begun = begin(days=60, slot=SLOT)

    begun.refresh_from_db()
    assert (begun.at, begun.days, begun.slot, begun.moved_at) == (NOW, 60, SLOT, NOW)
    assert (begun.sent, begun.lagging) == (None, None)


def test_a_generation_looks_as_far_ahead_as_the_setting_unless_told_otherwise() -> None:
    assert begin().days == 28


def test_no_days_ahead_is_a_window_of_today() -> None:
    assert generation.horizon(begin(days=0), "Australia/Sydney") == TODAY


def test_a_slot_has_one_generation() -> None:
    begun = begin(slot=SLOT)

    again = generation.begin(NOW + timedelta(seconds=5), days=60, slot=SLOT)

    assert (again, again.at, again.days) == (begun, NOW, 28)
    assert Generation.objects.count() == 1


def test_any_number_may_be_asked_for_by_hand() -> None:
    begin()
    begin()

    assert Generation.objects.count() == 2


def test_a_run_that_is_tried_again_has_its_own_generation_again() -> None:
    run_id, other = uuid4(), uuid4()
    begun = generation.begin(NOW, days=60, run_id=run_id)

    again = generation.begin(NOW + timedelta(seconds=20), days=60, run_id=run_id)
    generation.begin(NOW, days=10, run_id=other)

    assert (again, again.at) == (begun, NOW)
    assert set(Generation.objects.values_list("run_id", "days", "slot")) == {(run_id, 60, None), (other, 10, None)}


@pytest.mark.parametrize("days", [-1, 400, 10**12])
def test_days_that_no_window_can_have_are_refused_and_nothing_is_written(days: int) -> None:
    with pytest.raises(WindowError):
        generation.begin(NOW, days=days, slot=None)

    assert not Generation.objects.exists()


def test_the_horizon_is_counted_from_the_date_of_each_zone() -> None:
    begun = begin(datetime(2026, 3, 10, 10, 30, tzinfo=UTC))

    assert generation.horizon(begun, "Pacific/Kiritimati") == date(2026, 3, 11) + timedelta(28)
    assert generation.horizon(begun, "Pacific/Pago_Pago") == date(2026, 3, 9) + timedelta(28)


# --- fan_out ----------------------------------------------------------------------------------------------


def test_each_active_recurring_game_gets_one_message_and_no_other_does(queues: Queues) -> None:
    venue = make_venue()
    wanted = [
        make_game(venue),
        make_game(venue, recurrence="weekly", weekdays=["thu"]),
        make_game(venue, recurrence="weekly", interval=2, weekdays=["thu"]),
        make_game(venue, recurrence="monthly", month_day=31),
        make_game(venue, recurrence="yearly"),
    ]
    make_game(venue, recurrence="once", start_date=TODAY)
    make_game(venue, status="paused")
    make_game(venue, status="archived")
    make_game(make_venue(active=False))

    begun = begin()
    assert generation.fan_out(begun, now=NOW) == len(wanted)

    assert queues.windows().keys() == {game.pk for game in wanted}
    begun.refresh_from_db()
    assert begun.sent == len(wanted)


def test_a_generation_without_games_sends_nothing_and_is_complete(queues: Queues) -> None:
    begun = begin(slot=SLOT)
    assert generation.fan_out(begun, now=NOW) == 0

    begun.refresh_from_db()
    assert (begun.sent, queues.windows()) == (0, {})


def test_by_hand_each_game_is_asked_for_the_whole_window(queues: Queues) -> None:
    fresh, half, whole = make_game(), settled(date(2026, 3, 20)), settled()

    generation.fan_out(begin(), now=NOW)

    assert queues.windows() == dict.fromkeys([fresh.pk, half.pk, whole.pk], ("2026-03-10", "2026-04-07"))


def test_nightly_each_game_is_asked_for_what_lies_beyond_its_settled_days(queues: Queues) -> None:
    fresh, half, long_ago = make_game(), settled(date(2026, 3, 20)), settled(date(2026, 1, 1))
    settled()

    generation.fan_out(begin(slot=SLOT), now=NOW)

    assert queues.windows() == {
        fresh.pk: ("2026-03-10", "2026-04-07"),
        half.pk: ("2026-03-21", "2026-04-07"),
        long_ago.pk: ("2026-03-10", "2026-04-07"),
    }


def test_nightly_a_game_that_failed_is_tried_again(queues: Queues) -> None:
    game = make_game(generation_error="KeyError: Nowhere")

    generation.fan_out(begin(slot=SLOT), now=NOW)

    assert queues.windows().keys() == {game.pk}


def test_venues_on_both_sides_of_the_date_line_get_their_own_dates(queues: Queues) -> None:
    now = datetime(2026, 3, 10, 10, 30, tzinfo=UTC)
    ahead, behind = make_game(make_venue("Pacific/Kiritimati")), make_game(make_venue("Pacific/Pago_Pago"))

    generation.fan_out(begin(now), now=now)

    assert queues.windows() == {
        ahead.pk: ("2026-03-11", "2026-04-08"),
        behind.pk: ("2026-03-09", "2026-04-06"),
    }


def test_a_fan_out_that_works_off_its_messages_a_day_late_still_ends_at_its_horizon(queues: Queues) -> None:
    game = make_game()
    begun = begin()

    generation.fan_out(begun, now=NOW + timedelta(days=1))

    assert queues.windows() == {game.pk: ("2026-03-11", "2026-04-07")}


@pytest.mark.parametrize("zone", ["Nowhere/Land", "", "/etc/passwd", "Australia"])
def test_a_zone_that_does_not_exist_keeps_no_other_venue_from_its_turn(queues: Queues, zone: str) -> None:
    broken, sound = make_game(make_venue(zone)), make_game()

    for slot in (None, SLOT):
        queues.clear()
        assert generation.fan_out(begin(slot=slot), now=NOW) == 2

        assert queues.windows() == {broken.pk: (), sound.pk: ("2026-03-10", "2026-04-07")}


def test_a_large_fan_out_asks_the_database_no_more_often_than_a_small_one(
    queues: Queues, django_assert_num_queries: Any
) -> None:
    begun = begin()
    venue = make_venue()
    for games in (1, 1_200):
        make_games(games, venue)
        queues.clear()
        with django_assert_num_queries(3):
            sent = generation.fan_out(begun, now=NOW)

    assert sent == len(queues.windows()) == 1_201


# --- lagging ----------------------------------------------------------------------------------------------


def lagging(begun: Generation) -> set[int]:
    return set(generation.lagging(begun, NOW).values_list("pk", flat=True))


def test_games_lag_until_they_are_settled_up_to_the_horizon() -> None:
    fresh, short = make_game(), settled(HORIZON - timedelta(1))
    settled()
    settled(HORIZON + timedelta(30))

    assert lagging(begin()) == {fresh.pk, short.pk}


def test_a_game_that_has_ended_does_not_lag() -> None:
    settled(date(2026, 3, 20), end_date=date(2026, 3, 20))
    settled(date(2026, 3, 20), count=3)
    goes_on = settled(date(2026, 3, 20), end_date=date(2026, 3, 21))

    assert lagging(begin()) == {goes_on.pk}


def test_a_game_that_has_ended_lags_until_its_last_dates_are_settled_once() -> None:
    game = make_game(end_date=date(2026, 3, 20))

    assert lagging(begin()) == {game.pk}


def test_a_game_that_has_ended_lags_for_a_date_added_later() -> None:
    ended = settled(date(2026, 3, 20), end_date=date(2026, 3, 20))
    GameDate.objects.bulk_create([GameDate(game=ended, date=date(2026, 3, 21), kind="add")])
    other = settled(date(2026, 3, 20), end_date=date(2026, 3, 20))
    GameDate.objects.bulk_create(
        [
            GameDate(game=other, date=date(2026, 3, 20), kind="add"),
            GameDate(game=other, date=date(2026, 3, 21), kind="exclude"),
        ]
    )

    assert lagging(begin()) == {ended.pk}


def test_a_game_that_failed_does_not_lag_unless_asked_for() -> None:
    game = make_game(generation_error="KeyError: Nowhere")
    begun = begin()

    assert lagging(begun) == set()
    assert generation.lagging(begun, NOW, failed=True).get() == game


@pytest.mark.parametrize("zone", ["Nowhere/Land", "", "/etc/passwd", "Australia"])
def test_a_game_of_a_zone_that_does_not_exist_lags_until_it_is_marked(zone: str) -> None:
    game = settled(venue=make_venue(zone))

    assert lagging(begin()) == {game.pk}


def test_a_game_that_is_to_be_tried_again_lags_and_is_asked_for_its_whole_window(queues: Queues) -> None:
    marks: dict[str, Any] = {"generation_error": "It will be tried again. OperationalError: gone"}
    through, ended = settled(**marks), settled(date(2026, 4, 1), end_date=date(2026, 3, 20), **marks)
    settled(date(2026, 4, 1), end_date=date(2026, 3, 20))
    begun = begin(slot=SLOT)

    assert lagging(begun) == {through.pk, ended.pk}
    generation.fan_out(begun, now=NOW)
    assert queues.windows()[ended.pk] == ("2026-03-10", "2026-04-07")


def test_each_venue_has_the_horizon_of_its_own_zone() -> None:
    begun = begin(datetime(2026, 3, 10, 10, 30, tzinfo=UTC))
    ahead = settled(date(2026, 4, 7), venue=make_venue("Pacific/Kiritimati"))
    settled(date(2026, 4, 7), venue=make_venue("Pacific/Pago_Pago"))

    assert lagging(begun) == {ahead.pk}


def test_no_venue_at_all_is_no_trouble() -> None:
    assert lagging(begin()) == set()


# --- current ----------------------------------------------------------------------------------------------


AN_HOUR = timedelta(hours=1)


def horizon(zone: str = "Australia/Sydney") -> date:
    goal = generation.current(NOW + 2 * AN_HOUR)
    assert goal
    return generation.horizon(goal, zone)


def finish(begun: Generation) -> None:
    generation.finish([begun], NOW + AN_HOUR)


def test_a_rerun_over_fewer_days_makes_no_horizon_shorter() -> None:
    begin(slot=SLOT)
    short = begin(NOW + AN_HOUR, days=3)
    assert horizon() == HORIZON

    finish(short)

    assert horizon() == HORIZON


def test_a_rerun_over_more_days_counts_until_it_is_finished() -> None:
    begin(slot=SLOT)
    further = begin(NOW + AN_HOUR, days=60)
    assert horizon() == TODAY + timedelta(60)

    finish(further)

    assert horizon() == HORIZON


def test_after_a_longer_rerun_a_game_that_is_added_lags_behind_the_night_alone() -> None:
    begin(slot=SLOT)
    finish(begin(NOW + AN_HOUR, days=60))
    settled(HORIZON)
    added = settled(HORIZON - timedelta(1))

    goal = generation.current(NOW + 2 * AN_HOUR)

    assert goal
    assert list(generation.lagging(goal, NOW)) == [added]


def test_each_zone_has_the_furthest_horizon_of_its_own() -> None:
    begin(datetime(2026, 3, 9, 18, tzinfo=UTC), slot=SLOT)  # 05:00 on the 10th in Sydney, the 9th in New York
    begin(datetime(2026, 3, 10, 11, tzinfo=UTC), days=27)  # the 10th in both

    assert horizon("Australia/Sydney") == HORIZON
    assert horizon("America/New_York") == date(2026, 4, 6)
    assert horizon("Pacific/Kiritimati") == date(2026, 4, 7)


def test_the_latest_night_takes_the_place_of_those_before() -> None:
    begin(NOW - timedelta(days=1), days=90, slot=SLOT - timedelta(days=1))
    begin(slot=SLOT)

    assert horizon() == HORIZON


def test_where_there_was_never_a_night_the_latest_by_hand_counts() -> None:
    assert generation.current(NOW) is None

    finish(begin(NOW - AN_HOUR, days=60))
    finish(begin(days=3))

    assert horizon() == TODAY + timedelta(3)


def test_of_unfinished_reruns_over_as_many_days_only_the_latest_is_looked_at(
    django_assert_num_queries: Any,
) -> None:
    for n in range(20):
        begin(NOW + timedelta(seconds=n), days=60)
    begin(slot=SLOT)

    with django_assert_num_queries(2):
        goal = generation.current(NOW)

    assert goal
    assert [(each.slot, each.at) for each in goal.generations] == [(SLOT, NOW), (None, NOW + timedelta(seconds=19))]


def test_a_clock_that_differs_by_seconds_is_believed() -> None:
    begun = begin(NOW + timedelta(seconds=59))

    goal = generation.current(NOW)

    assert goal
    assert goal.generations == [begun]


@pytest.mark.parametrize(("ahead", "days"), [(420, 28), (1, 28), (0, 400), (0, 30_000)])
@pytest.mark.parametrize("slot", [None, SLOT])
def test_what_a_wrong_clock_recorded_is_ignored_and_logged_once(
    queues: Queues, caplog: pytest.LogCaptureFixture, ahead: int, days: int, slot: datetime | None
) -> None:
    game = settled()
    begin(slot=SLOT - timedelta(days=1))
    at = NOW + timedelta(days=ahead, minutes=-next(_minutes))
    Generation.objects.create(at=at, days=days, slot=slot, moved_at=at)

    sent = [generation.reconcile(NOW + timedelta(minutes=n)) for n in range(10)]

    assert (sent, queues.windows(), horizon()) == ([0] * 10, {}, HORIZON)
    assert caplog.text.count("ignored, it lies ahead of now or looks too far") == 1
    create(game.pk)
    assert not GameSession.objects.filter(slot_date__gt=HORIZON).exists()


_minutes = count()  # what is logged once is logged once a process

# --- reconcile --------------------------------------------------------------------------------------------


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def stuck(queues: Queues) -> Generation:
    """A generation whose messages workers have taken and do not work on, after the reconciler's first look at it."""
    begun = begin(slot=SLOT)
    generation.fan_out(begun, now=NOW)
    queues.take("games")
    assert generation.reconcile(NOW) == 0
    return begun


def test_nothing_is_reconciled_before_the_first_generation(queues: Queues) -> None:
    make_game()

    assert generation.reconcile(NOW) == 0
    assert queues.windows() == {}


def test_the_first_look_only_counts_the_games_that_lag(queues: Queues) -> None:
    make_games(3)
    begun = stuck(queues)

    begun.refresh_from_db()
    assert (begun.lagging, queues.windows()) == (3, {})


def test_messages_that_are_gone_are_sent_again_at_once(queues: Queues) -> None:
    games = make_games(3)
    generation.fan_out(begin(slot=SLOT), now=NOW)
    queues.clear()

    assert generation.reconcile(NOW) == 3
    assert queues.windows().keys() == {game.pk for game in games}
    assert generation.reconcile(later(60)) == 0


def test_games_that_are_to_be_tried_again_are_not_lost(queues: Queues) -> None:
    make_game()
    generation.fan_out(begin(slot=SLOT), now=NOW)
    (message,) = queues.messages("games")
    queues.clear()
    queues.broker.enqueue(queues.broker.delayed(message, 600))
    queues.take("games.DQ")

    assert [generation.reconcile(later(seconds)) for seconds in (0, 60)] == [0, 0]


def test_messages_are_sent_again_when_nothing_has_moved_for_a_while(queues: Queues) -> None:
    games = make_games(3)
    stuck(queues)

    assert generation.reconcile(later(119)) == 0
    assert queues.windows() == {}
    assert generation.reconcile(later(120)) == 3
    assert queues.windows() == dict.fromkeys([game.pk for game in games], ("2026-03-10", "2026-04-07"))


def test_the_wait_begins_anew_when_a_game_has_got_on(queues: Queues) -> None:
    done, *others = make_games(3)
    stuck(queues)
    settle(done)

    assert generation.reconcile(later(120)) == 0
    assert generation.reconcile(later(239)) == 0
    assert generation.reconcile(later(240)) == 2
    assert queues.windows().keys() == {game.pk for game in others}


def test_the_wait_begins_anew_when_games_were_sent_again(queues: Queues) -> None:
    make_games(3)
    stuck(queues)

    assert generation.reconcile(later(120)) == 3
    queues.take("games")
    assert generation.reconcile(later(239)) == 0
    assert generation.reconcile(later(240)) == 3


def test_nothing_is_sent_again_while_messages_wait_for_a_worker(queues: Queues) -> None:
    make_games(3)
    begun = begin(slot=SLOT)
    generation.fan_out(begun, now=NOW)

    assert [generation.reconcile(later(minute * 60)) for minute in range(30)] == [0] * 30
    assert len(queues.messages("games")) == 3


def test_a_fan_out_that_died_on_the_way_is_completed(queues: Queues) -> None:
    game = make_game()
    begin(slot=SLOT)  # and then the worker was killed

    assert [generation.reconcile(later(seconds)) for seconds in (0, 60, 120)] == [0, 0, 1]
    assert queues.windows().keys() == {game.pk}


def test_at_a_venues_midnight_nothing_is_sent(queues: Queues) -> None:
    for zone in ("Australia/Sydney", "Australia/Perth", "America/New_York"):
        settled(date(2026, 4, 8), venue=make_venue(zone))
    begin(slot=SLOT)

    hours = (NOW + timedelta(hours=n) for n in range(36))
    assert [generation.reconcile(hour) for hour in hours] == [0] * 36
    assert queues.windows() == {}


def test_a_longer_rerun_that_is_not_done_keeps_the_night_from_nothing(queues: Queues) -> None:
    settled(HORIZON)
    night, further = begin(slot=SLOT), begin(days=60)

    generation.reconcile(NOW)

    for each in (night, further):
        each.refresh_from_db()
    assert (night.finished_at, further.finished_at) == (NOW, None)


def test_a_short_rerun_that_is_done_finishes_no_night_that_is_not(queues: Queues) -> None:
    settled(TODAY + timedelta(10))
    night, short = begin(slot=SLOT), begin(NOW + AN_HOUR, days=10)

    generation.reconcile(NOW + AN_HOUR)

    for each in (night, short):
        each.refresh_from_db()
    assert (night.finished_at, short.finished_at) == (None, NOW + AN_HOUR)


def test_with_a_rerun_those_that_looked_no_further_are_finished(queues: Queues) -> None:
    settled(HORIZON)
    for n in range(3):
        begin(NOW - n * AN_HOUR, days=28 - n)

    generation.reconcile(NOW)

    assert not Generation.objects.filter(finished_at=None).exists()


def test_the_games_of_a_longer_rerun_are_sent_again_too(queues: Queues) -> None:
    game = settled(HORIZON)
    for begun in (begin(slot=SLOT), begin(days=60)):
        generation.fan_out(begun, now=NOW)
    queues.clear()

    assert generation.reconcile(NOW) == 1
    assert queues.windows() == {game.pk: ("2026-04-08", f"{TODAY + timedelta(60)}")}
    assert generation.reconcile(later(60)) == 0


def test_games_that_no_generation_is_about_are_never_sent_again(queues: Queues) -> None:
    venue = make_venue()
    make_game(venue, recurrence="once", start_date=TODAY)
    make_game(venue, status="paused")
    make_game(venue, status="archived")
    make_game(venue, generation_error="KeyError: Nowhere")
    make_game(venue, generated_through=date(2026, 3, 1), end_date=date(2026, 3, 1))
    make_game(make_venue(active=False))
    generation.fan_out(begin(slot=SLOT), now=NOW)
    queues.clear()

    assert [generation.reconcile(later(minute * 60)) for minute in range(10)] == [0] * 10
    assert queues.windows() == {}


@pytest.mark.parametrize("zone", ["Australia/Sydney", "America/New_York", "Pacific/Kiritimati"])
def test_a_horizon_that_has_passed_sends_nothing_and_writes_nothing_into_the_past(queues: Queues, zone: str) -> None:
    """The nights are paused for longer than they look ahead."""
    venue = make_venue(zone)
    make_game(venue)
    settled(HORIZON - timedelta(10), venue=venue)
    settled(HORIZON, venue=venue)
    begin(slot=SLOT)
    now = NOW + timedelta(days=30)

    assert [generation.reconcile(now + timedelta(minutes=n)) for n in range(5)] == [0] * 5
    assert queues.windows() == {}


def test_a_horizon_of_today_still_counts(queues: Queues) -> None:
    game = settled(HORIZON - timedelta(1))
    begun = begin(slot=SLOT)

    assert list(generation.lagging(begun, datetime(2026, 4, 7, 13, 59, tzinfo=UTC))) == [game]  # 23:59 in Sydney
    assert list(generation.lagging(begun, datetime(2026, 4, 7, 14, 0, tzinfo=UTC))) == []


def test_a_game_to_be_tried_again_after_the_horizon_is_asked_for_today(queues: Queues) -> None:
    game = settled(generation_error="It will be tried again. OperationalError: gone")
    generation.fan_out(begin(slot=SLOT), now=NOW)
    queues.clear()
    now = NOW + timedelta(days=30)

    assert [generation.reconcile(now), generation.reconcile(now)] == [1, 0]
    assert queues.windows() == {game.pk: ("2026-04-09", "2026-04-09")}


# --- create_sessions --------------------------------------------------------------------------------------


def create(game_id: int, first: date | None = None, last: date | None = None, *, last_try: bool = False) -> int:
    return generation.create_sessions(game_id, first, last, now=NOW, last_try=last_try, apart=True)


def test_the_missing_sessions_are_written_from_the_venues_today_to_the_horizon() -> None:
    game = make_game()

    assert create(game.pk) == 29
    assert create(game.pk) == 0
    dates = list(GameSession.objects.order_by("slot_date").values_list("slot_date", flat=True))
    assert dates == [TODAY + timedelta(n) for n in range(29)]
    game.refresh_from_db()
    assert game.generated_through == HORIZON


def test_a_window_that_is_given_is_the_window_taken() -> None:
    game = make_game()

    assert create(game.pk, date(2026, 3, 12), date(2026, 3, 14)) == 3
    assert create(game.pk, date(2026, 3, 20)) == 29


def test_a_game_that_does_not_exist_is_logged_and_dropped(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="workers.generation"):
        assert create(4711) == 0

    assert "4711" in caplog.text


@pytest.mark.parametrize(
    ("first", "last"),
    [(date(2026, 3, 12), date(2026, 3, 11)), (TODAY, TODAY + timedelta(400)), (None, date(2026, 3, 9))],
)
@pytest.mark.parametrize("last_try", [False, True])
def test_a_window_that_cannot_be_is_an_error_of_whoever_asked_and_not_of_the_game(
    first: date | None, last: date, last_try: bool
) -> None:
    game = make_game()

    with pytest.raises(WindowError):
        create(game.pk, first, last, last_try=last_try)

    game.refresh_from_db()
    assert (game.generation_error, game.generated_through, GameSession.objects.count()) == ("", None, 0)


def test_a_game_that_cannot_be_worked_out_is_marked_at_the_last_try_only(caplog: pytest.LogCaptureFixture) -> None:
    game = make_game(make_venue("Nowhere/Land"))

    with pytest.raises((GenerationError, KeyError)):
        create(game.pk)
    with pytest.raises(GenerationError):
        create(game.pk, TODAY, HORIZON)
    game.refresh_from_db()
    assert game.generation_error == ""

    assert create(game.pk, last_try=True) == 0
    game.refresh_from_db()
    assert "Nowhere/Land" in game.generation_error
    assert game in Game.objects.failing()
    assert "cannot be generated" in caplog.text


def test_an_unknown_holiday_region_is_the_games_trouble_too() -> None:
    game = make_game(make_venue(holiday_region="XX-YY"), holiday_policy="skip")

    assert create(game.pk, last_try=True) == 0
    game.refresh_from_db()
    assert game.generation_error


def test_a_deploy_with_other_public_holidays_has_the_games_that_observe_them_settled(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether they lag or not, so that the reconciler sends them again should they be lost."""
    venue = make_venue(holiday_region="AU-NSW")
    fields: dict[str, Any] = {"holiday_policy": "skip", "holidays": HOLIDAYS}
    observing = make_game(venue, **fields)
    ending = make_game(venue, end_date=HORIZON, **fields)
    once = make_game(venue, recurrence="once", start_date=GOOD_FRIDAY, **fields)
    running = make_game(venue, holidays=HOLIDAYS)
    with monkeypatch.context() as unaware:
        unaware.setattr("events.sessions.reading.public_holiday", lambda region, day: None)
        for game in (observing, ending, running):
            create(game.pk)
        generation.create_sessions(once.pk, GOOD_FRIDAY, GOOD_FRIDAY, now=NOW, last_try=False, apart=True)
    begun = begin()
    assert lagging(begun) == set()

    Game.objects.update(holidays="0.1")  # as though a deploy had brought what is known today

    assert lagging(begun) == {observing.pk, ending.pk, once.pk}
    generation.fan_out(begin(NOW + timedelta(days=1), slot=SLOT + timedelta(days=1)), now=NOW + timedelta(days=1))
    asked = {message.args[0]: message.args[1] for message in queues.messages("games")}
    tomorrow = f"{TODAY + timedelta(1)}"
    assert asked == {
        **dict.fromkeys([observing.pk, ending.pk, once.pk], tomorrow),
        running.pk: f"{HORIZON + timedelta(1)}",
    }

    for game in (observing, ending, once):
        generation.create_sessions(game.pk, HORIZON, HORIZON, now=NOW, last_try=False, apart=False)
        assert game.sessions.get(slot_date=GOOD_FRIDAY).cancel_reason == "Good Friday"
    assert running.sessions.get(slot_date=GOOD_FRIDAY).status == "scheduled"
    assert lagging(begun) == set()


def test_a_game_that_failed_is_sound_again_once_it_is_generated() -> None:
    game = make_game(generation_error="KeyError: Nowhere")

    assert create(game.pk) == 29
    game.refresh_from_db()
    assert game.generation_error == ""


@pytest.mark.parametrize("fields", [{"status": "paused"}, {"status": "archived"}, {"venue_active": False}])
def test_a_message_that_meets_a_game_that_was_stopped_meanwhile_writes_nothing(fields: dict[str, Any]) -> None:
    active = fields.pop("venue_active", True)
    game = make_game(make_venue(active=active), **fields)

    assert create(game.pk) == 0
    assert not GameSession.objects.exists()


def test_an_hour_that_does_not_exist_is_moved_and_never_lost() -> None:
    game = make_game(start_time=time(2, 30))

    assert create(game.pk, date(2026, 10, 4), date(2026, 10, 4)) == 1
    assert GameSession.objects.get().starts_at == datetime(2026, 10, 3, 16, 30, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_a_thread_that_waits_for_the_committer_holds_no_connection(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process shares a few connections: with a message without a window seven such threads would hold them all."""
    game = make_game()
    settings.DATABASE_POOL = 7
    held: list[bool] = []

    def create(*args: Any, **kwargs: Any) -> int:
        held.append(connection.connection is not None)
        return 0

    monkeypatch.setattr(committer, "create", create)

    generation.create_sessions(game.pk, None, None, now=NOW, last_try=False, apart=False)

    assert held == [False]
