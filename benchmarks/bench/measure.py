"""A measure: ours beside a named peer's, from one run on one machine."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the table. `ratio` is ours over the peer's."""

    name: str
    ours: float
    peer: float
    unit: str
    peer_name: str

    @property
    def ratio(self) -> float:
        """Ours over the peer's."""
        return self.ours / self.peer

    def document(self) -> dict[str, float | str]:
        """The measure as `benchmarks/latest.json` has it."""
        return {
            "ours": round(self.ours, 3),
            "peer": round(self.peer, 3),
            "ratio": round(self.ratio, 3),
            "unit": self.unit,
            "peer_name": self.peer_name,
        }


def percentile(values: Iterable[float], percent: int) -> float:
    """The value that `percent` of the values do not exceed."""
    return statistics.quantiles(sorted(values), n=100, method="inclusive")[percent - 1]
