"""Summary of a search, printed at its end: the front as a table."""

import statistics
from collections.abc import Callable, Sequence

from rich.console import Console

from nas.report.gain_lines import gain_lines
from nas.search.fitting_table import print_fitting
from planner import Candidate, Entry, LookupTable


def print_summary(table: LookupTable, candidates: Sequence[Candidate], console: Console) -> None:
    """Print the entries of `table`, fastest first, and one line about the search."""
    target, entries = table.target, list(table)
    console.print(
        f"{target.device}, {target.runtime} {target.runtime_version}, "
        f"batch {target.batch_size}, threads {target.num_threads}",
        markup=False,
        highlight=False,
    )
    print_fitting(
        [_cells(entry) | _further(entry, table) for entry in entries],
        console,
        dispensable=("found by", "MMACs", "p90 ms", "95% interval"),
    )
    span = entries[-1].latency.p50_ms / entries[0].latency.p50_ms
    num_own = sum(entry.origin == "search" for entry in entries)
    shrunk = statistics.fmean(entry.top1_selection - entry.accuracy.top1 for entry in entries)
    console.print(
        f"{len(candidates)} candidates; {len(entries)} entries, {num_own} of them outside the "
        f"uniform grid, spanning a factor of {span:.1f} in latency; top-1 on "
        f"{table.splits['report']} held-out images ({100 * shrunk:+.1f} points on those that chose "
        f"the entries); {table.timing_quality}",
        highlight=False,
    )
    slower = _span([candidate.latency.p50_ms for candidate in candidates])
    if slower < MIN_SPAN and _span([candidate.macs for candidate in candidates]) >= MIN_MACS_SPAN:
        console.print(_all_alike(slower, table), highlight=False)
    for line in gain_lines(table):
        console.print(line, highlight=False)


MIN_SPAN, MIN_MACS_SPAN = 1.2, 2.0
"""Where the slowest candidate takes less than MIN_SPAN times as long as the fastest, while MACs
differ by MIN_MACS_SPAN or more, latency does not depend on them."""


def _span(values: Sequence[float]) -> float:
    """The largest as a multiple of the smallest; 1 where there are none."""
    return max(values) / min(values) if values else 1.0


def _all_alike(span: float, table: LookupTable) -> str:
    """What to do where the device takes as long for the narrowest subnet as for the full one."""
    runtime, batch_size = table.target.runtime, table.target.batch_size
    advice = f"--batch-size {8 * batch_size} or higher resolutions keep the device busier"
    on_gpu = "gpu_capability" in table.target.details
    if on_gpu and runtime != "cudagraph":
        advice = f"--runtime cudagraph leaves out the host's launches, and {advice}"
    return (
        f"All candidates cost the same here: the slowest takes {span:.2f} times as long as the "
        f"fastest, so that width and resolution save nothing on this target. What it takes is not "
        f"arithmetic: {advice}; else deploy the most accurate."
    )


FURTHER: dict[str, tuple[str, Callable[[Entry], str]]] = {
    "latency_p99_ms": ("p99 ms", lambda entry: f"{entry.latency.p99_ms:.3f}"),
    "num_params": ("parameters", lambda entry: f"{entry.num_params:,}"),
    "peak_memory_bytes": ("peak MB", lambda entry: _or_dash(entry.peak_memory_bytes, 1e6)),
    "energy_mj": ("mJ", lambda entry: _or_dash(entry.energy_mj, 1.0)),
}
"""The columns of what a search optimises or bounds, by name, where the others lack it."""


def _further(entry: Entry, table: LookupTable) -> dict[str, str]:
    """The text of further columns: what this search optimises or bounds."""
    search = table.provenance.get("search", {})
    named = " ".join([*search.get("objectives", ()), *search.get("constraints", ())])
    return {title: text(entry) for name, (title, text) in FURTHER.items() if name in named}


def _or_dash(value: float | None, unit: float) -> str:
    return "-" if value is None else f"{value / unit:.2f}"


def _cells(entry: Entry) -> dict[str, str]:
    """The text of each column."""
    latency, accuracy = entry.latency, entry.accuracy
    return {
        "config": entry.config_id,
        "found by": entry.origin,
        "p50 ms": f"{latency.p50_ms:.3f}",
        "p90 ms": f"{latency.p90_ms:.3f}",
        "top-1 %": f"{100 * accuracy.top1:.1f}",
        "95% interval": f"{100 * accuracy.top1_low:.1f}-{100 * accuracy.top1_high:.1f}",
        "MMACs": f"{entry.macs / 1e6:.2f}",
    }
