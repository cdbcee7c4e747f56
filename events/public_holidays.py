"""Public holidays by region."""

from datetime import date
from functools import lru_cache
from importlib.metadata import version

import holidays
from django.core.exceptions import ValidationError

#: The version of the data on public holidays: a new one may name other days.
HOLIDAYS = version("holidays")


def validate_region(region: str) -> None:
    """Raises ValidationError unless `region` is a country or ISO 3166-2 subdivision with known holidays."""
    country, dash, subdivision = region.partition("-")
    known = holidays.list_supported_countries(include_aliases=False)
    if country not in known or (dash and subdivision not in known[country]):
        near = ", ".join(f"{country}-{part}" for part in known.get(country, ()))
        raise ValidationError(
            "%(region)s has no known public holidays: take an ISO 3166-2 code such as %(near)s.",
            params={"region": region, "near": near or "AU-NSW"},
        )


@lru_cache(maxsize=1024)  # a year of one region takes 0.1 s to work out
def _holidays_of(region: str, year: int) -> dict[date, str]:
    country, _, subdivision = region.partition("-")
    own = holidays.country_holidays(country).default_language or ""
    english = own if own.startswith("en") else "en_US"  # Labour Day in Sydney; never the language of the server
    return dict(holidays.country_holidays(country, subdiv=subdivision or None, years=year, language=english))


def public_holiday(region: str, day: date) -> str | None:
    """The name of the public holiday on `day` in `region`; None when it is no holiday.

    Raises NotImplementedError for a region that the `holidays` package does not know.
    """
    return _holidays_of(region, day.year).get(day)
