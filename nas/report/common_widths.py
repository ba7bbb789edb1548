"""Which widths the entries of a table have in common."""

from planner import LookupTable


def common_widths(table: LookupTable, names: list[str]) -> str:
    """A sentence: the widths that all entries share, and the range of each that differs.

    `names` has one for each width of a config, see `nas.report.page.group_names`.
    """
    rows = [
        widths if len(widths := entry.config.width_mults) == len(names) else widths * len(names)
        for entry in table
    ]
    shared, ranges = [], []
    for name, widths in zip(names, zip(*rows, strict=True), strict=True):
        low, high = min(widths), max(widths)
        if low == high:
            shared.append(f"{name} is {low:g}")
        else:
            ranges.append(f"{name} from {low:g} to {high:g}")
    found = f"In all {len(rows)} entries {', '.join(shared)}. " if shared else ""
    return found + (f"The entries have {', '.join(ranges)}." if ranges else "")
