from datetime import timedelta
from zoneinfo import ZoneInfo

from tests.workers.triggers.moments import NOW
from workers.triggers import CronTrigger, jitter_of


def test_jitter_is_the_same_for_the_same_slot_and_spreads_over_the_others():
    slots = [NOW + timedelta(minutes=n) for n in range(200)]
    offsets = [jitter_of("digest", slot, 30) for slot in slots]
    assert offsets == [jitter_of("digest", slot.astimezone(ZoneInfo("Asia/Tokyo")), 30) for slot in slots]
    assert all(timedelta() <= offset <= timedelta(seconds=30) for offset in offsets)
    assert max(offsets) > timedelta(seconds=25)
    assert min(offsets) < timedelta(seconds=5)
    assert offsets != [jitter_of("another", slot, 30) for slot in slots]
    assert jitter_of("digest", NOW, 0) == timedelta()


def test_jitter_never_moves_a_slot():
    assert CronTrigger(hour=5, jitter=600).next_fire(NOW) == CronTrigger(hour=5).next_fire(NOW)
