"""Gains: what the entries of a table have over the uniform grid, told on images that chose nothing.

The pairs are chosen by latencies and by what the search believes, which comes from `selection`, and
told by the paired difference in top1 on `report`. So a pair's numbers are not the luckiest of many,
and what luck on `selection` has promised shows as a gain that is called not shown. Few images for
`selection` promise much by luck: "most latency saved" would find the entry that they overrate most,
so an entry counts as equally accurate only where their number bears that out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nas.evaluate.evaluation import Bits
from nas.evaluate.paired import PairedDifference, paired_difference, standard_error
from planner import LookupTable
from planner.pareto import front_indices

MARGIN = 0.01
"""Accuracy counts as equal if, with 97.5 % confidence, at most this much top1 is lost."""

NUM_ERRORS = 1.645
"""Standard errors of the difference on `selection` by which luck may have raised a lead. One lead
would be raised by more in 5 % of all cases; the largest of many is raised by more than that."""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A config that was timed with the others, and scored on the same images."""

    config_id: str
    latency_p50_ms: float
    believed: float
    """What the search believes its top1 on `selection` to be."""
    correct_on_selection: Bits
    """For each image of `selection`, whether it is classified correctly."""
    correct: Bits
    """For each image of `report`, whether it is classified correctly."""


@dataclass(frozen=True, kw_only=True)
class Gain:
    """An entry beside a config of the uniform grid; latencies are medians, top1 is on `report`."""

    config_id: str
    latency_p50_ms: float
    top1: float
    grid_config_id: str
    grid_latency_p50_ms: float
    grid_top1: float
    difference: PairedDifference
    """The entry's top1 minus the grid's."""

    @classmethod
    def of(cls, entry: Scored, grid: Scored) -> "Gain":
        """Compare two configs on `report`."""
        return cls(
            config_id=entry.config_id,
            latency_p50_ms=entry.latency_p50_ms,
            top1=float(entry.correct.mean()),
            grid_config_id=grid.config_id,
            grid_latency_p50_ms=grid.latency_p50_ms,
            grid_top1=float(grid.correct.mean()),
            difference=paired_difference(entry.correct, grid.correct),
        )

    @property
    def saved(self) -> float:
        """Share of the grid's latency that the entry saves."""
        return 1 - self.latency_p50_ms / self.grid_latency_p50_ms

    @property
    def is_equal_shown(self) -> bool:
        """Whether the entry's top1 is shown to be no more than MARGIN below the grid's."""
        return self.difference.low >= -MARGIN

    @property
    def is_higher_shown(self) -> bool:
        """Whether the entry's top1 is shown to be above the grid's."""
        return self.difference.low > 0


@dataclass(frozen=True, kw_only=True)
class Gains:
    """The two gains that a table tells; None where the search believes in none."""

    faster: Gain | None
    """Most latency saved at equal top1."""
    higher: Gain | None
    """Most top1 gained at no higher latency."""

    def to_json(self) -> dict[str, Any]:
        """JSON values, for a table's provenance."""
        return asdict(self)


def gains_of(table: LookupTable) -> Gains | None:
    """The gains that a table's provenance holds; None where no grid was timed beside it."""
    values = table.provenance.get("gains")
    return values and Gains(
        **{
            name: each and Gain(**each | {"difference": PairedDifference(**each["difference"])})
            for name, each in values.items()
        }
    )


def choose_gains(entries: Sequence[Scored], grid: Sequence[Scored], min_saved: float) -> Gains:
    """Choose the two pairs of an entry and a config of the uniform grid, and compare them.

    `faster`: of the pairs whose entry is believed to be at least as accurate, and less
    NUM_ERRORS standard errors still no more than MARGIN below, the one that saves the largest share
    of latency, if it is more than `min_saved`, the noise of the latencies.
    `higher`: of the entries beside the most accurate config of the grid that is no slower, the one
    that is believed to be most above it. Of the grid only its front counts, in these latencies and
    what is believed: to be faster than a config that the grid itself beats is no gain.
    """
    front = [
        grid[index]
        for index in front_indices([(each.believed, each.latency_p50_ms) for each in grid])
    ]
    faster = max(_faster(entries, front), key=lambda pair: _saved(*pair), default=None)
    higher = max(_higher(entries, front), key=lambda pair: _lead(*pair), default=None)
    return Gains(
        faster=Gain.of(*faster) if faster and _saved(*faster) > min_saved else None,
        higher=Gain.of(*higher) if higher and _lead(*higher) > 0 else None,
    )


def _faster(entries: Sequence[Scored], front: Sequence[Scored]) -> Iterator[tuple[Scored, Scored]]:
    for uniform in front:
        for entry in entries:
            if _is_believed_equal(entry, uniform):
                yield entry, uniform


def _is_believed_equal(entry: Scored, uniform: Scored) -> bool:
    lead = _lead(entry, uniform)
    error = standard_error(entry.correct_on_selection, uniform.correct_on_selection)
    return lead >= 0 and lead - NUM_ERRORS * error >= -MARGIN


def _higher(entries: Sequence[Scored], front: Sequence[Scored]) -> Iterator[tuple[Scored, Scored]]:
    for entry in entries:
        no_slower = [each for each in front if each.latency_p50_ms <= entry.latency_p50_ms]
        if no_slower:
            yield entry, no_slower[-1]  # the front ascends in both


def _saved(entry: Scored, uniform: Scored) -> float:
    return 1 - entry.latency_p50_ms / uniform.latency_p50_ms


def _lead(entry: Scored, uniform: Scored) -> float:
    return entry.believed - uniform.believed
