"""The commands of `planner`: each takes parsed arguments and returns an exit code."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from planner.book import Book, read_all, read_tables
from planner.choose_table import choose_table
from planner.diff import Diff
from planner.diff_report import REPORTS, failures
from planner.errors import InvalidValue, NoEntryFits
from planner.export import export
from planner.limits import Limits
from planner.plan import make_plans
from planner.selector import select
from planner.table import LookupTable
from planner.target_difference import listed
from planner.validation import check_file


def run_select(arguments: argparse.Namespace) -> int:
    """Print the most accurate entry within the limits, as JSON."""
    table = _one_table(arguments.table, arguments.device, arguments.condition)
    limits = Limits(
        max_latency_ms=arguments.max_latency_ms,
        percentile=arguments.percentile,
        margin=arguments.margin,
        max_macs=arguments.max_macs,
        max_peak_memory_bytes=arguments.max_peak_memory_bytes,
    )
    under = {} if arguments.condition is None else {"condition": table.condition}
    print(json.dumps(under | select(table, limits).to_json(), indent=2))
    return 0


def run_plan(arguments: argparse.Namespace) -> int:
    """Print the regret of shipping 1 to K entries, and the entries of the last plan, as JSON."""
    tables = read_all(arguments.tables)
    budgets = None if arguments.budgets is None else list(map(_budget, arguments.budgets))
    plans = make_plans(tables, arguments.num_entries, budgets=budgets, weights=arguments.weights)
    if not plans:
        raise NoEntryFits(
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
    """Print what changed; exit 1 on a regression beyond noise and allowance."""
    old, new = (
        _one_table(path, arguments.device, arguments.condition)
        for path in (arguments.old, arguments.new)
    )
    diff = Diff(
        old,
        new,
        session_spread=arguments.session_spread,
        max_latency_regress=arguments.max_latency_regress,
        max_top1_drop=arguments.max_top1_drop,
    )
    if old.target != new.target:
        print(
            "note: the tables were measured on different targets (fingerprints differ): "
            + listed(diff.target_differences),
            file=sys.stderr,
        )
    kinds = frozenset(arguments.fail_on)
    print(REPORTS[arguments.report](diff, kinds))
    return 1 if failures(diff, kinds) else 0


def run_validate(arguments: argparse.Namespace) -> int:
    """Check files against the schema and all rules and, on request, the artifacts' sha256."""
    checks = [check_file(path, arguments.artifacts) for path in arguments.tables]
    if arguments.json:
        print(json.dumps([asdict(one) | {"is_valid": one.is_valid} for one in checks], indent=2))
    else:
        for one in checks:
            if one.is_valid:
                counts = f"{one.num_targets} target(s), {one.num_entries} entries"
                print(f"{one.file}: valid, {counts}")
            else:
                print("\n".join(one.faults), file=sys.stderr)
    return 0 if all(one.is_valid for one in checks) else 2


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


def _one_table(path: Path, device: str | None, condition: str | None = None) -> LookupTable:
    """The table that `--device` names, under the condition that `--condition` names."""
    try:
        table = choose_table(read_tables(path), device)
        return table if condition is None else table.under(condition)
    except InvalidValue as error:
        raise InvalidValue(f"{path}: {error}") from error


def _budget(text: str) -> tuple[float, float]:
    milliseconds, _, weight = text.partition(":")
    try:
        return float(milliseconds), float(weight or 1)
    except ValueError as error:
        raise InvalidValue(f"a budget must be MS or MS:WEIGHT, but got {text[:40]!a}") from error
