"""SessionStats: what an AdaptiveSession did so far, for a service's metrics."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SessionStats:
    """A snapshot; the counts only grow."""

    config_id: str
    """The entry that runs the next batch."""
    condition: str
    """What the table's latencies were measured under; see `LookupTable.under`."""
    promised_ms: float
    """The median that the table promises for `config_id` under this condition."""
    held: tuple[str, ...]
    """The loaded artifacts."""
    left_out: Mapping[str, str]
    """The entries that could not be loaded and wait for the next attempt, with the reason."""
    load: float
    """The current slowdown against the table; 1.0 is as fast as promised."""
    num_batches: int
    num_late: int
    """Batches that took longer than the target."""
    num_batches_by_config_id: Mapping[str, int]
    """How many batches each entry ran."""
    num_switches: int
    num_loads: int
    """Artifacts loaded, those of the start included."""
    num_failed_loads: int

    @property
    def late_share(self) -> float:
        """The share of batches that took longer than the target; 0.0 before the first."""
        return self.num_late / self.num_batches if self.num_batches else 0.0
