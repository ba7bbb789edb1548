from dataclasses import replace
from typing import Any

from nas.report.gain import largest_gain
from planner import LookupTable


def judged(table: LookupTable, believed: dict[str, float], *grid: dict[str, Any]) -> LookupTable:
    """The table of w0.5-r8 (1 ms) and w1-r8 (4 ms) beside these configs of the uniform grid."""
    added = {"uniform_grid": list(grid), "believed": believed}
    return replace(table, provenance={**table.provenance, **added})


SLOW = {"config_id": "w0.7-r8", "latency_p50_ms": 2.0, "top1": 0.79}
SLOWER = {"config_id": "w0.9-r8", "latency_p50_ms": 5.0, "top1": 0.91}


def test_the_gain_is_where_most_is_saved_at_believed_accuracy(table: LookupTable) -> None:
    believed = {"w0.5-r8": 0.8, "w1-r8": 0.9, "w0.7-r8": 0.8, "w0.9-r8": 0.85}
    gain = largest_gain(judged(table, believed, SLOW, SLOWER))
    assert gain is not None
    assert (gain.entry.config_id, gain.grid_id, gain.saved) == ("w0.5-r8", "w0.7-r8", 0.5)
    text = "w0.5-r8 takes 1.000 ms where the uniform grid's w0.7-r8 takes 2.000 ms (-50%), at "
    assert str(gain) == text + "80.0% against 79.0% on held-out images"


def test_without_a_faster_entry_or_a_grid_there_is_no_gain(table: LookupTable) -> None:
    believed = {"w0.5-r8": 0.8, "w1-r8": 0.9, "w0.7-r8": 0.95}
    assert largest_gain(judged(table, believed, SLOW)) is None
    assert largest_gain(table) is None
