"""What the planner promises of its own speed, with room for a busy machine."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from planner import Book, Entry, LookupTable, Selector, Target, read_tables

ROOT = Path(__file__).parents[2]
MAX_IMPORT_S = 0.5
MAX_READ_S = 3.0
MAX_SELECT_S = 20e-6


IMPORT = """
import sys, time
before, start = set(sys.modules), time.perf_counter()
import planner
print(time.perf_counter() - start)
packages = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*packages - sys.stdlib_module_names)
"""


def import_planner() -> tuple[float, str]:
    """In a new process: the seconds, and the packages beyond Python's own that are loaded."""
    result = subprocess.run(
        [sys.executable, "-c", IMPORT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    seconds, packages = result.stdout.splitlines()
    return float(seconds), packages


def test_importing_the_planner_imports_nothing_else_beyond_python_itself() -> None:
    _, packages = import_planner()
    assert packages == "planner"


@pytest.mark.slow
@pytest.mark.timing
def test_the_planner_imports_in_under_half_a_second() -> None:
    seconds, _ = import_planner()
    assert seconds < MAX_IMPORT_S


@pytest.mark.slow
@pytest.mark.timing
def test_a_book_of_a_hundred_thousand_and_five_devices(
    new_table: Callable[..., LookupTable],
    new_entries: Callable[..., tuple[Entry, ...]],
    new_target: Callable[..., Target],
    tmp_path: Path,
) -> None:
    tables = tuple(
        new_table(new_entries(20_000, seed), target=new_target(device=f"device {seed}"))
        for seed in range(5)
    )
    Book(tables).write(tmp_path / "book.json")
    start = time.perf_counter()
    read = read_tables(tmp_path / "book.json")
    assert time.perf_counter() - start < MAX_READ_S
    assert sum(map(len, read)) == 100_000

    selector = Selector(read[0].entries)
    budgets = [entry.latency.p50_ms for entry in read[0].entries[::20]]
    start = time.perf_counter()
    for budget in budgets:
        selector.select(budget)
    assert (time.perf_counter() - start) / len(budgets) < MAX_SELECT_S
