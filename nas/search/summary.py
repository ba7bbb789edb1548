"""Summary of a search, printed at its end: the front as a table."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from planner import Candidate, LookupTable


def print_summary(table: LookupTable, candidates: Sequence[Candidate], console: Console) -> None:
    """Print the entries of `table`, fastest first, and one line about the search."""
    target, noise_floor = table.target, table.protocol["noise_floor"]
    view = Table(
        title=f"{target.device}, {target.runtime} {target.runtime_version}, "
        f"batch {target.batch_size}, threads {target.num_threads}",
        title_justify="left",
    )
    for name in ("config", "found by", "p50 ms", "p90 ms", "top-1 %", "95% interval", "MMACs"):
        left = name in ("config", "found by")
        view.add_column(name, justify="left" if left else "right", no_wrap=True)
    for entry in table:
        view.add_row(
            entry.config_id,
            entry.origin,
            f"{entry.latency.p50_ms:.3f}",
            f"{entry.latency.p90_ms:.3f}",
            f"{100 * entry.accuracy.top1:.1f}",
            f"{100 * entry.accuracy.top1_low:.1f}-{100 * entry.accuracy.top1_high:.1f}",
            f"{entry.macs / 1e6:.2f}",
        )
    console.print(view)
    entries = list(table)
    span = entries[-1].latency.p50_ms / entries[0].latency.p50_ms
    num_new = sum(candidate.origin == "search" for candidate in candidates)
    console.print(
        f"{len(candidates)} candidates, {num_new} of them outside the uniform grid; "
        f"{len(entries)} on the front, spanning a factor of {span:.1f} in latency; "
        f"top-1 on {table.splits['report']} held-out images; "
        f"noise floor {noise_floor:.1%}"
    )
