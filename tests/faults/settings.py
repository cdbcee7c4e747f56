"""The settings, with the stories' and the trials' own jobs on the list of what may be scheduled, and the traps."""

from tests.acceptance.settings import *  # noqa: F403
from tests.acceptance.settings import INSTALLED_APPS as OTHERS

INSTALLED_APPS = [*OTHERS, "tests.faults.work"]
