"""What was measured, and the ratios that follow from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

#: What is asked of every contender, one after another: each step begins where the one before it ended.
STEPS = {"first": "first generation", "nightly": "nightly", "rerun": "rerun"}

SAME_SERVICE, ORDINARY = "-same-service", "-ordinary"


@dataclass
class Figures:
    """The values of each figure, by workload and by who or what was measured."""

    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, workload: str, who: str, value: float) -> None:
        self.values.setdefault(workload, {}).setdefault(who, []).append(value)
        print(f"{workload} {who} {value:,.4g}", flush=True)

    def medians(self, workload: str) -> dict[str, float]:
        return {who: median(values) for who, values in self.values.get(workload, {}).items()}

    def ratios(self) -> Iterator[tuple[str, str, float]]:
        """Against whom, at what, and how many times: ours over a peer's where more is better."""
        for workload in (*STEPS, "dispatch"):
            medians = self.medians(workload)
            ours = medians.pop("ours", None)
            if ours is None:
                continue
            for peer, theirs in medians.items():
                yield peer, workload, ours / theirs
            for kind in (SAME_SERVICE, ORDINARY):
                if of_kind := [theirs for peer, theirs in medians.items() if peer.endswith(kind)]:
                    yield f"fastest{kind}", workload, ours / max(of_kind)
        nightly, rerun = (self.medians(workload).get("ours") for workload in ("nightly", "rerun"))
        if nightly and rerun:
            yield "nightly", "rerun", rerun / nightly
        for workload in ("growth", "age"):
            if len(medians := self.medians(workload)) > 1:
                (first, base), *_, (_, last) = medians.items()
                yield first, workload, last / base
