from dataclasses import replace

from nas.report.common_widths import common_widths
from planner import LookupTable


def widened(table: LookupTable, *widths: tuple[float, ...]) -> LookupTable:
    entries = [
        entry.with_values(width_mults=each) for entry, each in zip(table, widths, strict=True)
    ]
    return replace(table, entries=tuple(entries))


def test_shared_widths_and_ranges_are_told_by_name(table: LookupTable) -> None:
    names = ["stem", "middle", "last"]
    mixed = widened(table, (0.5, 0.25, 1.0), (0.5, 1.0, 0.6))
    assert common_widths(mixed, names) == (
        "In all 2 entries stem is 0.5. The entries have middle from 0.25 to 1, last from 0.6 to 1."
    )


def test_one_width_for_all_is_that_of_each(table: LookupTable) -> None:
    mixed = widened(table, (0.5,), (0.5, 1.0))
    assert common_widths(mixed, ["stem", "last"]) == (
        "In all 2 entries stem is 0.5. The entries have last from 0.5 to 1."
    )
    uniform = widened(table, (0.5,), (1.0,))
    assert common_widths(uniform, ["stem"]) == "The entries have stem from 0.5 to 1."
