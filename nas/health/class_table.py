"""Prints the classes with the lowest top-1 as a table that a console of 80 columns has room for."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

NUM_SHOWN = 10
"""Classes in the table; the files have all."""
WIDE = 80
"""Columns from which there is room for four configs."""
NUM_PAIRS = 5

Classes = Mapping[str, Sequence[Mapping[str, Any]]]
"""Records of `Confusion.by_class` by config_id."""


def print_classes(classes: Classes, console: Console) -> None:
    """Print top-1 and its 95 % interval, in percent, of the classes worst in the first config.

    On a narrow console only the first config and the last one are shown. A line names the classes
    that the first config confuses most often.
    """
    full, *others = classes
    shown = [full, *(others if console.width >= WIDE else others[-1:])]
    ranked = worst_first(classes[full])
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), collapse_padding=True)
    table.add_column("class", overflow="fold", min_width=8)
    table.add_column("images", justify="right", no_wrap=True)
    for config_id in shown:
        table.add_column(Text(config_id), justify="right", no_wrap=True)
    for label in ranked[:NUM_SHOWN]:
        record = classes[full][label]
        cells = (_cell(classes[config_id][label]) for config_id in shown)
        table.add_row(Text(record["class"]), f"{record['num_images']:,}", *cells)
    total = len(classes[full])
    which = f"the {NUM_SHOWN} worst of {total} classes" if total > NUM_SHOWN else "by class"
    console.print(Text(f"top-1 in % with its 95% interval on the report images, {which}:"))
    console.print(table, highlight=False)
    if pairs := _pairs(classes[full]):
        console.print(Text(f"most often confused by {full}: {'; '.join(pairs)}"))


def worst_first(records: Sequence[Mapping[str, Any]]) -> list[int]:
    """Labels by ascending top-1; those without images last, ties in the order of labels."""
    return sorted(
        range(len(records)),
        key=lambda label: 2.0 if records[label]["top1"] is None else records[label]["top1"],
    )


def _cell(record: Mapping[str, Any]) -> str:
    if record["top1"] is None:
        return "-"
    low, high = (f"{100 * record[end]:.0f}" for end in ("top1_low", "top1_high"))
    return f"{100 * record['top1']:.1f} {low}-{high}"


def _pairs(records: Sequence[Mapping[str, Any]]) -> list[str]:
    pairs = [
        (-count, record["class"], wrong, record["num_images"])
        for record in records
        for wrong, count in record["taken_for"].items()
    ]
    return [
        f"{name} taken for {wrong}, {-negative} of {num_images}"
        for negative, name, wrong, num_images in sorted(pairs)[:NUM_PAIRS]
    ]
