"""What the search won over the uniform grid, of the same measurement."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from planner import Entry, LookupTable


@dataclass(frozen=True, kw_only=True)
class Gain:
    """An entry that is believed to be at least as accurate as a slower config of the grid."""

    entry: Entry
    grid_id: str
    """The config_id of the uniform grid's."""
    grid_ms: float
    """Its median latency, timed beside the entry."""
    grid_top1: float
    """Its top1 on `report`."""

    @property
    def saved(self) -> float:
        """Share of the grid's latency that the entry saves."""
        return 1 - self.entry.latency.p50_ms / self.grid_ms

    def __str__(self) -> str:
        """A clause that names both configs, their latencies and their top1 on `report`."""
        return (
            f"{self.entry.config_id} takes {self.entry.latency.p50_ms:.3f} ms where the uniform "
            f"grid's {self.grid_id} takes {self.grid_ms:.3f} ms ({-self.saved:.0%}), at "
            f"{self.entry.accuracy.top1:.1%} against {self.grid_top1:.1%} on held-out images"
        )


def largest_gain(table: LookupTable) -> Gain | None:
    """The gain that saves most; None where no entry saves anything, or no grid was timed.

    The pair is chosen by what the search believes, which comes from `selection`, so that its
    numbers on `report` are not the luckiest of many.
    """
    return max(_gains(table), key=lambda gain: gain.saved, default=None)


def _gains(table: LookupTable) -> Iterator[Gain]:
    believed: Mapping[str, float] = table.provenance.get("believed", {})
    grid: list[Mapping[str, Any]] = table.provenance.get("uniform_grid", [])
    for uniform in grid:
        for entry in table:
            is_as_good = believed[entry.config_id] >= believed[uniform["config_id"]]
            if is_as_good and entry.latency.p50_ms < uniform["latency_p50_ms"]:
                yield Gain(
                    entry=entry,
                    grid_id=uniform["config_id"],
                    grid_ms=uniform["latency_p50_ms"],
                    grid_top1=uniform["top1"],
                )
