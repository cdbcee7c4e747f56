"""Measure this project beside its peers, on a database and a Redis database of its own. See docs/benchmarks.md."""

import os
import sys
from argparse import ArgumentParser, Namespace

from tests.benchmarks.figures import STEPS, Figures
from tests.benchmarks.place import Spoilt, place

WORKLOADS = (*STEPS, "dispatch", "growth", "age", "pages", "punctuality")


def main() -> int:
    asked, whole = _options().parse_args(), len(sys.argv) == 1
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.settings"
    try:
        with place():
            import django

            django.setup()
            _measure(asked, whole)
    except Spoilt as spoilt:
        print(spoilt, file=sys.stderr)
        return 1
    return 0


def _options() -> ArgumentParser:
    parser = ArgumentParser(
        prog="make bench", description=__doc__, epilog="Without options the page in docs/ is written anew."
    )
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, default=WORKLOADS, metavar="WORKLOAD")
    parser.add_argument("--contenders", nargs="+", metavar="NAME", help="ours, huey-same-service, celery-prefork-…")
    parser.add_argument("--repeat", type=int, default=3, help="how often each figure is taken")
    parser.add_argument("--games", type=int, default=5000)
    parser.add_argument("--jobs", type=int, default=3000, help="that fall due at once")
    parser.add_argument("--growth", type=int, nargs="+", default=[1000, 10_000, 100_000], metavar="GAMES")
    parser.add_argument("--sessions", type=int, default=1_000_000, help="behind the pages")
    parser.add_argument("--seconds", type=int, default=150, help="that second-level jobs are watched")
    return parser


def _measure(asked: Namespace, whole: bool) -> None:
    from django.core.management import call_command

    from tests.benchmarks import due, generation, growth, pages, punctuality, report
    from tests.benchmarks.contenders import CONTENDERS, PEERS

    call_command("migrate", verbosity=0)
    figures, only = Figures(), set(asked.only)
    if steps := only & {*STEPS}:
        for name, peer in PEERS.items():
            print(f"{name}: {peer.tuned}")
        contenders = [each for each in CONTENDERS if not asked.contenders or each.name in asked.contenders]
        generation.compare(contenders, steps, asked.games, asked.repeat, figures)
    if "dispatch" in only:
        due.compare(asked.jobs, asked.repeat, figures)
    if "growth" in only:
        growth.grow(asked.growth, asked.repeat, figures)
    if "age" in only:
        growth.grow_old(asked.games // 2, asked.repeat, figures)
    if "pages" in only:
        pages.read(asked.sessions, figures)
    if "punctuality" in only:
        punctuality.watch(asked.seconds, figures)
    for line in report.lines(figures):
        print(line)
    if whole:
        report.write(figures)


if __name__ == "__main__":
    sys.exit(main())
