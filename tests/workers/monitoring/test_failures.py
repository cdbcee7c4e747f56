"""What counts as a failure, and what makes it good."""

import pytest

from tests.workers.scheduled import NOW, later, make_job, make_run
from workers.monitoring import failures

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("state", "lost"), [("queued", 0), ("running", 0), ("succeeded", 0), ("failed", 7), ("skipped", 7)]
)
def test_a_catch_up_makes_slots_good_as_it_succeeds_and_while_it_may(state: str, lost: int) -> None:
    make_run(make_job(), state, cause="catch_up", slot=later(-600), covers=7)

    assert failures.missed_slots(NOW) == failures.Missed(slots=7, lost=lost)
