"""Summary of a search, printed at its end: the front as a table."""

from collections.abc import Sequence

from rich.console import Console

from nas.search.fitting_table import print_fitting
from planner import Candidate, Entry, LookupTable


def print_summary(table: LookupTable, candidates: Sequence[Candidate], console: Console) -> None:
    """Print the entries of `table`, fastest first, and one line about the search."""
    target, noise_floor = table.target, table.protocol["noise_floor"]
    entries = list(table)
    console.print(
        f"{target.device}, {target.runtime} {target.runtime_version}, "
        f"batch {target.batch_size}, threads {target.num_threads}",
        markup=False,
        highlight=False,
    )
    print_fitting(
        [_cells(entry) for entry in entries],
        console,
        dispensable=("found by", "MMACs", "p90 ms", "95% interval"),
    )
    span = entries[-1].latency.p50_ms / entries[0].latency.p50_ms
    num_new = sum(candidate.origin == "search" for candidate in candidates)
    console.print(
        f"{len(candidates)} candidates, {num_new} of them outside the uniform grid; "
        f"{len(entries)} on the front, spanning a factor of {span:.1f} in latency; "
        f"top-1 on {table.splits['report']} held-out images; "
        f"noise floor {noise_floor:.1%}"
    )


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
