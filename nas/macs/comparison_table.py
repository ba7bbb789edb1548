"""Prints the two counts of a network's MACs as a table."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nas.cost.second_opinion import TOLERANCE, TwoCounts


def print_comparison(counts: TwoCounts, console: Console) -> None:
    """Print each layer's MACs by both counters, the totals, and the reasons for differences."""
    console.print(comparison_table(counts))
    if counts.left_out is not None and counts.thop_error is None:  # else it is in the warning
        console.print(Text(counts.left_out), soft_wrap=True)
    if counts.thop_error is not None:
        console.print(Text(counts.warning or ""), soft_wrap=True)
    elif not counts.differing:
        console.print(f"the layer counts differ by {counts.difference:.3%} of the MACs in total")
    else:
        console.print(
            f"the layer counts differ by {counts.difference:.3%} of the MACs in total, "
            f"more than {TOLERANCE:.1%}:"
        )
        for reason, layers in counts.reasons.items():
            console.print(Text(f"- {reason}: {', '.join(layers)}"), soft_wrap=True)


def comparison_table(counts: TwoCounts) -> Table:
    """A row for each layer with MACs, in execution order, and the totals."""
    table = Table(box=None, pad_edge=False, show_footer=True)
    has_thop = counts.macs_thop is not None
    table.add_column("layer", "total", overflow="fold")
    totals = {
        "MACs": _number(counts.macs),
        "by thop": _number(counts.macs_thop),
        "difference": _difference(counts.macs, counts.macs_thop),
    }
    for title, total in totals.items():
        table.add_column(title, total, justify="right", no_wrap=True)
    for each in counts.layers:
        by_thop = each.macs_thop if has_thop else None
        table.add_row(
            Text(each.layer or "(the network itself)"),
            _number(each.macs),
            _number(by_thop),
            _difference(each.macs, by_thop),
        )
    return table


def _number(macs: int | None) -> str:
    return "-" if macs is None else f"{macs:,}"


def _difference(macs: int, by_thop: int | None) -> str:
    """Difference of thop's count from `macs`, as a share of `macs`."""
    if by_thop is None:
        return "-"
    if macs == by_thop:
        return "0"
    return f"{by_thop / macs - 1:+.1%}" if macs else "thop only"
