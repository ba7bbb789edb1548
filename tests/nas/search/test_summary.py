from dataclasses import replace

import pytest
from rich.console import Console

from nas.search.summary import print_summary
from planner import Candidate, LookupTable


def test_the_summary_is_a_row_an_entry(
    table: LookupTable, candidates: list[Candidate], capsys: pytest.CaptureFixture[str]
) -> None:
    print_summary(table, candidates, Console(width=120))
    out = capsys.readouterr().out
    assert "a box, onnxruntime 1, batch 1, threads 1" in out
    row = next(line for line in out.splitlines() if "w1-r8" in line)
    assert all(text in row for text in ("grid", "4.000", "8.000", "90.0", "88.0-91.0", "2.50"))
    assert (
        "3 candidates; 2 entries, 0 of them outside the uniform grid, spanning a factor of 4.0"
        in out
    )
    assert "noise floor 1.3%" in out


def test_what_else_is_optimised_or_bounded_has_a_column(
    table: LookupTable, capsys: pytest.CaptureFixture[str]
) -> None:
    search = {"objectives": ["top1", "energy_mj"], "constraints": ["latency_p99_ms<=8"]}
    provenance = {**table.provenance, "search": search}
    entries = tuple(replace(entry, energy_mj=1.5) for entry in table)
    print_summary(replace(table, entries=entries, provenance=provenance), [], Console(width=120))
    head, *rows = capsys.readouterr().out.splitlines()[1:4]
    assert "p99 ms" in head
    assert "mJ" in head
    assert "parameters" not in head
    assert all(row.endswith("1.50") for row in map(str.rstrip, rows))


def test_where_all_candidates_cost_the_same_it_says_so_and_what_to_do(
    table: LookupTable, candidates: list[Candidate], capsys: pytest.CaptureFixture[str]
) -> None:
    print_summary(table, candidates, Console(width=1000))
    assert "All candidates cost the same" not in capsys.readouterr().out
    last = candidates[-1]
    slower = replace(last, latency=replace(last.latency, p50_ms=2.25, p50_high_ms=2.5))
    print_summary(table, [last, slower], Console(width=1000))  # as alike in MACs: a narrow space
    assert "All candidates cost the same" not in capsys.readouterr().out
    alike = [last, replace(slower, macs=2 * last.macs)]
    print_summary(table, alike, Console(width=1000))
    out = capsys.readouterr().out
    assert "All candidates cost the same here: the slowest takes 1.12 times as long" in out
    assert "--batch-size 8 or higher resolutions" in out
    assert "cudagraph" not in out
    details = {**table.target.details, "gpu_capability": "9.0"}
    on_gpu = replace(table, target=replace(table.target, details=details, runtime="eager"))
    print_summary(on_gpu, alike, Console(width=1000))
    assert "--runtime cudagraph leaves out the host's launches" in capsys.readouterr().out


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_process_without_a_terminal_prints_whole_numbers_and_config_ids(
    table: LookupTable, width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = [
        entry.with_values(config_id=f"w0.25_0.5_0.75-r{side}")
        for entry, side in zip(table, (96, 128), strict=True)
    ]
    named = replace(table, entries=tuple(entries))
    target = replace(table.target, device="a [b] box")
    print_summary(replace(named, target=target), [], Console(width=width))
    out = capsys.readouterr().out
    assert "a [b] box" in out
    assert max(map(len, out.splitlines())) <= width
    row = next(line for line in out.splitlines() if "w0.25_0.5_0.75-r128" in line)
    assert all(text in row for text in ("4.000", "90.0", "88.0-91.0"))
