"""How a trigger that cannot be accepted is refused."""

import re

import pytest

from workers.triggers import TriggerError, parse


def assert_refused(spec, field_name, words, **options):
    with pytest.raises(TriggerError, match=re.escape(words)) as error:
        parse(spec, **options)
    assert error.value.field == field_name
