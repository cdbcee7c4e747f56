"""What every row that decides about sessions does when it is saved or deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from events.changes import Changes


class Settled(models.Model):
    """A row that decides about sessions: saving or deleting it settles them in the same transaction.

    Nobody can see the row's edit without what it did to sessions. Both acts take `now` (aware; the present unless
    given) and `dry_run`: the row is written and taken back, and what would become of its sessions is only planned.

    Attributes:
      changes: what the last save or delete did to sessions, or would do.
      settlement: settles the sessions of the games that a condition names: `events.sessions.settle`, which
        `EventsConfig.ready()` puts here, because it imports these models.
    """

    changes = Changes()
    settlement: ClassVar[Callable[..., Changes]]

    class Meta:
        abstract = True

    def lock(self) -> None:
        """Take the locks under which the row is written and its games are settled: venues first, then games."""
        raise NotImplementedError

    def touches(self) -> Q:
        """The condition of the games whose sessions the row decides about, or did before it was edited.

        Asked once the row is locked and written.
        """
        raise NotImplementedError

    def save(self, *args: Any, now: datetime | None = None, dry_run: bool = False, **kwargs: Any) -> None:
        with self._settling(now, dry_run):
            self.write(*args, **kwargs)

    def delete(
        self, *args: Any, now: datetime | None = None, dry_run: bool = False, **kwargs: Any
    ) -> tuple[int, dict[str, int]]:
        with self._settling(now, dry_run):
            return super().delete(*args, **kwargs)

    def write(self, *args: Any, **kwargs: Any) -> None:
        """Write the row alone, under its locks."""
        super().save(*args, **kwargs)

    def settled(self) -> None:
        """Take over what the settlement wrote to the row itself."""

    @contextmanager
    def _settling(self, now: datetime | None, dry_run: bool) -> Iterator[None]:
        pk, adding = self.pk, self._state.adding
        with transaction.atomic():
            self.lock()
            yield
            self.changes = self.settlement(self.touches(), now=now or timezone.now(), dry_run=dry_run)
            if dry_run:
                transaction.set_rollback(True)
            elif self.pk:
                self.settled()
        if dry_run:  # the row is what it was
            self.pk, self._state.adding = pk, adding
