"""Tells people, once per incident, what they would want to be woken for.

Each minute what is wrong is read from rows and compared with the incidents that are open: a new one is opened and
told, one that is over is closed. So no alarm depends on the process that failed. An incident counts as told when
the mail has been taken: one that mail would not take is told a minute later, though it may be over by then. Should
a process die between the two, it is told twice rather than never.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.core.mail import mail_admins
from django.db import transaction

from events.one_line import as_one_line
from workers.models import Incident
from workers.monitoring import alarm_checks
from workers.monitoring.alarm_checks import Check, on_both_clocks

log = logging.getLogger(__name__)

#: How many incidents one mail and the log name; of the rest the mail gives the number.
NAMED = 50

#: The subject of an incident about what a wrong clock wrote, and how long another such belongs to it.
REPAIRS, REPAIRS_ARE_ONE = "repairs", timedelta(hours=1)

#: The order in which incidents are told: games that fail, however many, hide no slot and no job.
ORDER = ("opened_at", "-kind", "subject")


def tell_troubles(now: datetime) -> None:
    """Tell what has gone wrong by `now`. Each tick calls this."""
    _open_and_close(alarm_checks.CHECKS, now)
    _tell_untold(now)


def tell_clock_troubles(now: datetime) -> None:
    """Tell if the clock has stopped or one is wrong. Worker processes call this; a tick finds when that is over."""
    wrong = [*alarm_checks.stopped_clock(now), *alarm_checks.wrong_clocks(now)]
    if wrong:
        _open_and_close({Incident.Kind.CLOCK: lambda now: wrong}, now)
        _tell_untold(now)


def note_repairs(found: list[str], now: datetime) -> None:
    """Tell, once in a while, what believed another time and was mended. It is over as it is told."""
    alike = Incident.objects.filter(kind=Incident.Kind.CLOCK, subject=REPAIRS)
    if alike.filter(opened_at__gt=now - REPAIRS_ARE_ONE, opened_at__lte=now).exists():
        return
    said = f"A clock was wrong, and what it wrote is mended: {'; '.join(found)}."
    Incident.objects.create(kind=Incident.Kind.CLOCK, subject=REPAIRS, said=said, opened_at=now, closed_at=now)


def _open_and_close(checks: dict[Incident.Kind, Check], now: datetime) -> None:
    """Open and close the incidents of the kinds that are checked. A check that fails keeps no other from its turn."""
    known = list(Incident.objects.filter(closed_at=None, kind__in=checks))
    opened, over = [], []
    for kind, check in checks.items():
        try:
            wrong = {trouble.subject: trouble for trouble in check(now)}
        except Exception:
            log.exception("Nobody can say whether there is trouble of the kind %s", kind)
            continue
        mine = {incident.subject: incident for incident in known if incident.kind == kind}
        over += [incident.pk for subject, incident in mine.items() if subject not in wrong]
        opened += [
            Incident(kind=kind, subject=subject, said=trouble.said, opened_at=now)
            for subject, trouble in wrong.items()
            if subject not in mine
        ]
    if over:
        Incident.objects.filter(pk__in=over).update(closed_at=now)
    Incident.objects.bulk_create(opened, ignore_conflicts=True)  # another process may have been first


def _tell_untold(now: datetime) -> None:
    """Mail what has not been told. Its rows are locked meanwhile, so that no other process tells it too."""
    try:
        with transaction.atomic():
            untold = list(Incident.objects.filter(told_at=None).order_by(*ORDER).select_for_update(skip_locked=True))
            if untold:
                _mail(untold)
                Incident.objects.filter(pk__in=[incident.pk for incident in untold]).update(told_at=now)
    except Exception as error:  # whatever a mail server does, the tick goes on
        log.error("Alarms could not be sent, the next minute tries again: %s", error)


def _mail(incidents: list[Incident]) -> None:
    for incident in incidents[:NAMED]:
        name = alarm_checks.IDS.get(incident.kind)
        log.error("%s", incident, extra={name: incident.subject} if name else {})
    texts = [_text(incident) for incident in incidents[:NAMED]]
    if len(incidents) > NAMED:
        texts.append(f"And {len(incidents) - NAMED} more.")
    others = f" (and {len(incidents) - 1} more)" if len(incidents) > 1 else ""
    subject = as_one_line(str(incidents[0]))[:120]
    mail_admins(subject + others, "\n\n".join(texts) + "\n")


def _text(incident: Incident) -> str:
    over = f"\nIt is over since {on_both_clocks(incident.closed_at)}." if incident.closed_at else ""
    return f"{incident.said}\nNoticed {on_both_clocks(incident.opened_at)}.{over}"
