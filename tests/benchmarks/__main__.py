"""`make bench`: every workload, or those asked for."""

import os
import sys
from argparse import ArgumentParser, Namespace

from tests.benchmarks.place import Spoilt, place

WORKLOADS = ("first", "nightly", "rerun")


def options() -> Namespace:
    parser = ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, default=WORKLOADS, metavar="WORKLOAD")
    parser.add_argument("--contenders", nargs="+")
    parser.add_argument("--games", type=int, default=5000)
    parser.add_argument("--repeat", type=int, default=3)
    return parser.parse_args()


def main() -> int:
    asked = options()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.settings"
    try:
        with place():
            import django

            django.setup()
            from django.core.management import call_command

            call_command("migrate", verbosity=0)
            from tests.benchmarks.contenders import CONTENDERS
            from tests.benchmarks.figures import Figures
            from tests.benchmarks.generation import compare

            figures = Figures()
            who = [c for c in CONTENDERS if not asked.contenders or c.name in asked.contenders]
            compare(who, asked.only, asked.games, asked.repeat, figures)
    except Spoilt as spoilt:
        print(spoilt, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
