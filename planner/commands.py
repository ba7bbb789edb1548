"""The commands of `python -m planner`: each takes parsed arguments and returns an exit code."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from planner.artifacts import check_artifact
from planner.book import Book, read_all, read_tables
from planner.diff import Diff
from planner.errors import InvalidValue, shown
from planner.export import export
from planner.limits import Limits
from planner.plan import make_plans
from planner.rules import is_number
from planner.schema import check_all
from planner.selector import select
from planner.table import LookupTable


def run_select(arguments: argparse.Namespace) -> int:
    """Print the most accurate entry within the limits, as JSON."""
    table = _one_table(arguments.table, arguments.device)
    limits = Limits(
        max_latency_ms=arguments.max_latency_ms,
        percentile=arguments.percentile,
        margin=arguments.margin,
        max_macs=arguments.max_macs,
        max_peak_memory_bytes=arguments.max_peak_memory_bytes,
    )
    print(json.dumps(select(table, limits).to_json(), indent=2))
    return 0


def run_plan(arguments: argparse.Namespace) -> int:
    """Print the regret of shipping 1 to K entries, and the entries of the last plan, as JSON."""
    tables = read_all(arguments.tables)
    budgets = None if arguments.budgets is None else list(map(_budget, arguments.budgets))
    plans = make_plans(tables, arguments.num_entries, budgets=budgets, weights=arguments.weights)
    if not plans:
        raise InvalidValue(
            "at least one budget must allow an entry, but none does; raise the budgets"
        )
    curve = [
        {"num_entries": len(p.config_ids), "regret": p.regret, "regret_bound": p.regret_bound}
        for p in plans
    ]
    entries: list[dict[str, object]] = [
        {"config_id": name, "latency_p50_ms": [t.by_config_id[name].latency.p50_ms for t in tables]}
        for name in plans[-1].config_ids
    ]
    devices = [table.target.device for table in tables]
    print(json.dumps({"devices": devices, "entries": entries, "curve": curve}, indent=2))
    return 0


def run_diff(arguments: argparse.Namespace) -> int:
    """Print what changed; exit 1 on a regression beyond confidence interval and allowance."""
    old, new = (_one_table(path, arguments.device) for path in (arguments.old, arguments.new))
    allowed = (arguments.max_latency_regress, arguments.max_top1_drop)
    if not all(is_number(each) and each >= 0 for each in allowed):
        raise InvalidValue(f"allowances must be 0 or more, but got {shown(allowed)}")
    diff = Diff(old, new)
    if old.target != new.target:
        print(
            "note: the tables were measured on different targets (fingerprints differ)",
            file=sys.stderr,
        )
    print(
        f"{len(diff.configs)} configs in both, {len(diff.added)} added, {len(diff.removed)} removed"
    )
    for change in diff.configs:
        latency, top1 = change.latency_p50_ms, change.top1
        if latency.sign or top1.sign:
            print(
                f"  {change.config_id}: {latency.old:.4g} -> {latency.new:.4g} ms "
                f"({latency.relative:+.1%}), top1 {top1.old:.4f} -> {top1.new:.4f}"
            )
    for budget in diff.budgets:
        if budget.top1.sign:
            now = budget.new.config_id if budget.new else "nothing"
            print(
                f"  under {budget.max_latency_ms:.4g} ms: {budget.old.config_id} -> {now}, "
                f"top1 {budget.top1.old:.4f} -> {budget.top1.new:.4f}"
            )
    worse = list(diff.regressions(*allowed))
    print(
        "\n".join(["regressions beyond confidence interval and allowance:", *worse])
        if worse
        else "no regression"
    )
    return 1 if worse else 0


def run_validate(arguments: argparse.Namespace) -> int:
    """Check files against the schema and all rules and, on request, the artifacts' sha256."""
    for path in arguments.tables:
        tables = read_tables(path)
        for table in tables:
            check_all(table.to_json())
        entries = [entry for table in tables for entry in table]
        if arguments.artifacts is not None:
            for entry in entries:
                check_artifact(entry, arguments.artifacts)
        print(f"{path}: valid, {len(tables)} target(s), {len(entries)} entries")
    return 0


def run_merge(arguments: argparse.Namespace) -> int:
    """Merge tables into one book."""
    book = Book(read_all(arguments.tables))
    with _writing(arguments.out):
        book.write(arguments.out)
    print(f"{arguments.out}: {len(book)} targets")
    return 0


def run_export(arguments: argparse.Namespace) -> int:
    """Convert one table to another format."""
    table = _one_table(arguments.table, arguments.device)
    with _writing(arguments.out):
        export(table, arguments.out)
    print(arguments.out)
    return 0


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidValue(f"{path} must be a writable file, but got: {error.strerror}") from error


def _one_table(path: Path, device: str | None) -> LookupTable:
    tables = read_tables(path)
    names = [", ".join(table.target.traits) for table in tables]
    matching = [
        t for t, name in zip(tables, names, strict=True) if device is None or device in name
    ]
    if len(matching) != 1:
        raise InvalidValue(
            f"`--device` must name one target of {path}, which has: {'; '.join(names)}"
        )
    return matching[0]


def _budget(text: str) -> tuple[float, float]:
    milliseconds, _, weight = text.partition(":")
    try:
        return float(milliseconds), float(weight or 1)
    except ValueError as error:
        raise InvalidValue(f"a budget must be MS or MS:WEIGHT, but got {text[:40]!a}") from error
