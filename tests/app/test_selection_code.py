import pytest

from app.opening import Source
from app.selection_code import limits_code, selection_code
from planner import Limits, select

VIEWS = [
    Limits(max_latency_ms=3.0),
    Limits(max_latency_ms=0.30000000000000004 * 7, percentile="p99", margin=1.0),
    Limits(max_latency_ms=4.0, max_macs=0.5e6, max_peak_memory_bytes=5e6),
    Limits(),
]


@pytest.mark.parametrize("limits", VIEWS)
def test_the_code_selects_what_the_view_selects(limits: Limits, source: Source) -> None:
    """The page showed one entry and wrote code that selects another."""
    best = select(source.table, limits)
    names: dict[str, object] = {"table": source.table, "select": select, "Limits": Limits}
    assert eval(limits_code(limits), names) == limits
    exec(selection_code(best, best, limits), names)
    assert names["entry"] == best


def test_a_picked_entry_is_selected_by_its_name(source: Source) -> None:
    limits = Limits(max_latency_ms=3.0)
    best, other = select(source.table, limits), source.table.entries[0]
    names: dict[str, object] = {"table": source.table}
    exec(selection_code(other, best, limits), names)
    assert names["entry"] is other
    assert "by_config_id" in selection_code(other, None, limits)
