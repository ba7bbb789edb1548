"""A table of configs for a console of any width: numbers and config_ids are never cut."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

LEFT = ("", "config", "found by")
"""Columns of words; those of numbers are aligned to the right."""
ENDLESS = 100_000
"""Columns of a console on which any table has room."""


def print_fitting(
    rows: Sequence[Mapping[str, str]], console: Console, *, dispensable: Sequence[str] = ()
) -> None:
    """Print rows of cells by the names of their columns, which are the same in all rows.

    Where there is no room, the `dispensable` columns are omitted, as many as necessary, the first
    ones first. Where even that is not enough, `config` is the number of a row in the list of
    configs that follows.
    """
    numbered = [{**row, "config": f"#{number}"} for number, row in enumerate(rows, 1)]
    views = [
        _view(shown, dispensable[:num_omitted])
        for shown in (rows, numbered)
        for num_omitted in range(len(dispensable) + 1)
    ]
    fits = [_width(view, console) <= console.width for view in views]
    first = fits.index(True) if any(fits) else len(views) - 1
    console.print(views[first], highlight=False)
    if first > len(dispensable):
        for row, numbered_row in zip(rows, numbered, strict=True):
            text = f"{numbered_row['config']} {row['config']}"
            console.print(Text(text), soft_wrap=True, highlight=False)


def _view(rows: Sequence[Mapping[str, str]], omitted: Sequence[str]) -> Table:
    view = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), collapse_padding=True)
    names = [name for name in rows[0] if name not in omitted]
    for name in names:
        view.add_column(name, justify="left" if name in LEFT else "right", no_wrap=True)
    for row in rows:
        view.add_row(*(Text(row[name]) for name in names))
    return view


def _width(view: Table, console: Console) -> int:
    return console.measure(view, options=console.options.update(width=ENDLESS)).maximum
