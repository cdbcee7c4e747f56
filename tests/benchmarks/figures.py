"""What was measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Figures:
    """Each figure's values by workload and contender, such as `figures["nightly"]["ours"]`."""

    of: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, workload: str, who: str, *values: float) -> None:
        self.of.setdefault(workload, {}).setdefault(who, []).extend(values)
        print(f"  {workload} {who}: {', '.join(f'{value:,.4g}' for value in values)}", flush=True)

    def median(self, workload: str, who: str) -> float:
        return median(self.of[workload][who])
