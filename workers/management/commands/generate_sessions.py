"""What operators type to fill the calendar."""

import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from django.template.defaultfilters import pluralize
from django.utils import timezone
from tqdm import tqdm

from events import sessions
from events.models import Game, GameSession
from events.sessions import GenerationError, WindowError
from workers import generation
from workers.actors import generate_upcoming_game_sessions
from workers.broker import broker
from workers.game_message import QUEUE
from workers.models import Generation, Run

#: Seconds between looks, and until it is said that nobody works.
LOOK_EVERY, NOBODY_AFTER = 0.25, 10


class Command(BaseCommand):
    help = "Fills the calendar: asks the workers to (add --wait to watch), or with --game does it here for one game."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--game", type=int, metavar="ID", help="only this game, done when the command ends")
        parser.add_argument(
            "--days",
            type=int,
            metavar="N",
            help="look so far ahead, 0 to 399; LOOKAHEAD_DAYS unless given",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say which slots there are")
        parser.add_argument("--wait", action="store_true", help="wait until the workers are done")

    def handle(self, *, game: int | None, days: int | None, dry_run: bool, wait: bool, **options: Any) -> None:
        now = timezone.now()
        try:
            if days is not None:
                generation.check_days(days)
        except WindowError as error:
            raise CommandError(f"--days: {error}") from None
        if dry_run:
            with _until_nobody_reads():
                self._say_slots(generation.recurring() if game is None else _one(game), days, now)
        elif game is not None:
            with self._tally(_one(game)):
                self._generate_here(_one(game).get(), days, now)
        elif wait:
            with self._tally(generation.recurring()):
                self._wait(self._taken_up(generate_upcoming_game_sessions.send(days=days).message_id))
        else:
            generate_upcoming_game_sessions.send(days=days)
            self.stdout.write("Asked for a generation; the workers do it.")

    def _say_slots(self, games: Any, days: int | None, now: datetime) -> None:
        for game in games.select_related("venue").order_by("venue__name", "name"):
            self.stdout.write(f"{game.venue}: {game} (game {game.pk})")
            if game.idle:
                self.stdout.write(f"  {game.idle}")
            try:
                ahead = game.venue.look_ahead.days if days is None else days
                slots = sessions.preview(game, ahead, now=now)
            except GenerationError as error:
                self.stdout.write(f"  cannot be generated: {error}")
                continue
            taken = set(game.sessions.values_list("slot_date", flat=True))
            for slot in slots:
                new = slot.date not in taken and not game.idle
                self.stdout.write(f"  {_line(slot, game.venue, new)}")

    def _generate_here(self, game: Game, days: int | None, now: datetime) -> None:
        try:
            last = None if days is None else sessions.today_at(game.venue, now) + timedelta(days)
            generation.create_sessions(game.pk, None, last, now=now, last_try=False, apart=True)
        except GenerationError as error:
            raise CommandError(f"game {game.pk} cannot be generated: {error}") from None
        if game.idle:
            self.stdout.write(game.idle)

    @contextmanager
    def _tally(self, games: QuerySet[Game]) -> Iterator[None]:
        count, theirs = games.count(), GameSession.objects.filter(game__in=games)
        before = theirs.count()
        yield
        failed = Game.objects.failing().filter(pk__in=games).count()
        self.stdout.write(
            f"{count} game{pluralize(count)}: {before} sessions before, {theirs.count()} after,"
            f" {failed} game{pluralize(failed)} failed."
        )

    def _taken_up(self, run_id: str) -> Generation:
        """The generation asked for, once a worker has begun it and sent its messages.

        Raises CommandError when it was not begun, or failed, and why. Says so when nobody takes it up.
        """
        asked_at, told = time.monotonic(), False
        while True:
            run = Run.objects.filter(pk=run_id).first()
            if run and run.state in (Run.State.SKIPPED, Run.State.FAILED):
                raise CommandError(f"The generation was {run.state}: {run.why}")
            if run and run.state == Run.State.SUCCEEDED:
                return Generation.objects.get(run_id=run.pk)
            if run is None and not told and time.monotonic() - asked_at > NOBODY_AFTER:
                self.stderr.write("No worker has taken it up yet: is one running? It will be done as soon as one is.")
                told = True
            time.sleep(LOOK_EVERY)

    def _wait(self, begun: Generation) -> None:
        """Until no game lags and no message is left. A bar shows how far it is."""
        with tqdm(unit=" games", leave=False) as bar:
            while left := max(broker().backlog(QUEUE), generation.lagging(begun, timezone.now()).count()):
                bar.total = max(begun.sent or 0, left)
                bar.n = bar.total - left
                bar.refresh()
                time.sleep(LOOK_EVERY)


@contextmanager
def _until_nobody_reads() -> Iterator[None]:
    """Let `| head` end the output without a traceback, as Python's documentation of SIGPIPE advises."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _one(game_id: int) -> Any:
    games = Game.objects.filter(pk=game_id)
    if not games:
        raise CommandError(f"--game: there is no game {game_id}.")
    return games


def _line(slot: Any, venue: Any, new: bool) -> str:
    if slot.skipped:
        return f"{slot.date} skipped: {slot.skipped}"
    at = slot.starts_at.astimezone(venue.zone)
    return f"{at:%Y-%m-%d %H:%M}{' new' if new else ''}{f' ({slot.note})' if slot.note else ''}"
