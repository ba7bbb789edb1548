"""What the planner promises of its own speed, with room for a busy machine."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from planner import Book, Entry, LookupTable, Selector, Target, read_tables

ROOT = Path(__file__).parents[2]


def test_the_planner_imports_fast_and_without_the_rest() -> None:
    code = (
        "import sys, time; start = time.perf_counter(); import planner; "
        "print(time.perf_counter() - start); "
        "heavy = {'torch', 'numpy', 'pandas', 'jsonschema', 'onnxruntime', 'streamlit'}; "
        "print(sorted(heavy & sys.modules.keys()))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    seconds, heavy = result.stdout.splitlines()
    assert heavy == "[]"
    assert float(seconds) < 0.5


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
    assert time.perf_counter() - start < 3
    assert sum(map(len, read)) == 100_000

    selector = Selector(read[0].entries)
    budgets = [entry.latency.p50_ms for entry in read[0].entries[::20]]
    start = time.perf_counter()
    for budget in budgets:
        selector.select(budget)
    assert (time.perf_counter() - start) / len(budgets) < 20e-6
