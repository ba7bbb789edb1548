"""How long the explorer takes with 100,000 candidates on 5 devices: to load, to redraw.

    python -m benchmarks.explorer.redraw

In Chromium without a GPU, on this machine, server and browser beside each other. The book is the
example's entries again and again, each with its own latency and accuracy (seeded). A redraw lasts
from the typed budget to the moved line and the new choice on the page, as the browser's own clock
tells. Writes results/explorer/redraw.json.
"""

import argparse
import json
import math
import random
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from app.opening import open_path
from benchmarks.environment import environment
from benchmarks.explorer.server import browser, serve, settle
from benchmarks.result_file import result_file
from planner import Book, Entry, Limits, LookupTable, read_tables, select

EXAMPLE = Path(__file__).parents[2] / "app" / "example" / "book.json"
RESULT = result_file(__file__)
NUM_DEVICES, NUM_ENTRIES, NUM_REDRAWS = 5, 20_000, 20

REDRAW = """
async ([budget, heading]) => {
  const field = document.querySelector('input[aria-label="Budget, ms"]');
  const line = () => document.querySelector('.budget-line .budget')?.getAttribute('x1');
  const shown = () => [...document.querySelectorAll('h3')].some(
    h => h.textContent.trim() === heading);
  const before = line();
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
  field.focus();
  set.call(field, budget);
  field.dispatchEvent(new Event('input', {bubbles: true}));
  const start = performance.now();
  field.blur();
  while (!(shown() && line() !== before)) {
    if (performance.now() - start > 20000) throw new Error('not redrawn: ' + heading);
    await new Promise(requestAnimationFrame);
  }
  return performance.now() - start;
}
"""
"""Types a budget; milliseconds until the new choice and the moved line are drawn."""


def large_book(table: LookupTable) -> Book:
    """The table's entries again and again, each a little different, on five devices."""
    return Book(tuple(_device(table, number) for number in range(NUM_DEVICES)))


def _device(table: LookupTable, number: int) -> LookupTable:
    rng = random.Random(number)
    made = [_varied(table.entries[i % len(table)], i, rng) for i in range(NUM_ENTRIES)]
    return replace(
        table,
        target=replace(table.target, device=f"device {number + 1}"),
        entries=tuple(sorted(made, key=lambda entry: (entry.latency.p50_ms, entry.accuracy.top1))),
    )


def _varied(entry: Entry, number: int, rng: random.Random) -> Entry:
    slower = math.exp(rng.uniform(-1.0, 1.0))
    worse = rng.uniform(0.0, 0.1)
    accuracies = {name: entry.value(name) - worse for name in ("top1", "top1_low", "top1_high")}
    times = {n: v * slower for n, v in entry.values().items() if n.startswith("latency_")}
    return entry.with_values(
        config_id=f"{entry.config_id}-{number}",
        tied_with=(),
        artifact=None,
        **times,
        **accuracies,
    )


def redraws(page: Page, table: LookupTable, num: int) -> list[float]:
    """Milliseconds of `num` changes of the budget, the page showing the front of `table`."""
    fastest, slowest = table.entries[0].latency.p50_ms, table.entries[-1].latency.p50_ms
    took, before = [], ""
    for i in range(num):
        step = ((i * 7) % num + 1) / (num + 1)
        budget = float(f"{fastest * (slowest / fastest) ** step:.4g}")
        chosen = select(table, Limits(max_latency_ms=budget)).config_id
        if chosen != before:
            took.append(float(page.evaluate(REDRAW, [str(budget), f"Chosen: {chosen}"])))
        before = chosen
    return took


def main() -> None:
    """Measure, print and write."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    book = large_book(read_tables(EXAMPLE)[0])
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        path = Path(folder) / "book.json"
        book.write(path)
        start = time.perf_counter()
        open_path(path)
        read_s = time.perf_counter() - start
        with serve([path]) as address:
            page = chromium.new_page(viewport={"width": 1280, "height": 900})
            start = time.perf_counter()
            page.goto(address, timeout=60_000)
            page.wait_for_selector(".budget-line .budget", state="attached", timeout=60_000)
            first_page_s = time.perf_counter() - start
            settle(page)
            took = redraws(page, book.tables[0], NUM_REDRAWS)
    result: dict[str, Any] = {
        "num_entries": NUM_ENTRIES * NUM_DEVICES,
        "num_devices": NUM_DEVICES,
        "read_s": round(read_s, 2),
        "first_page_s": round(first_page_s, 2),
        "redraw_ms": [round(each) for each in took],
        "redraw_median_ms": round(statistics.median(took)),
        "redraw_max_ms": round(max(took)),
        "environment": environment(),
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
