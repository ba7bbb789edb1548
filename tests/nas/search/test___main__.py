"""The command, on a tiny trained supernet."""

import argparse
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nas.evaluate.choice import Choice
from nas.meter.machine import machine_details
from nas.search.__main__ import main
from nas.search.arguments import job_from
from nas.search.job import SearchJob
from planner import Entry, LookupTable, pareto_front, read_candidates
from planner.schema import check_all
from supernet.cores import Cores
from supernet.train.state import read_state, state_folder

FAST = ["--trials", "6", "--allow-noisy", "--num-threads", "1"]


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Timing takes a second at most."""

    def quick_job(args: argparse.Namespace) -> SearchJob:
        return replace(job_from(args), steps_s=0.0, trial_s=0.1, front_s=1.0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nas.search.__main__.job_from", quick_job)
        yield


@pytest.fixture(scope="module")
def searched(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a supernet that has been searched with six candidates."""
    run = tmp_path_factory.mktemp("search") / "run"
    shutil.copytree(tiny_run, run)
    assert main([*FAST, "--out", str(run)]) == 0
    return run


def refused(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> str:
    capsys.readouterr()
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    line = err.splitlines()[-1]
    assert line.startswith("error: ")
    return line


def test_an_unfinished_training_is_to_be_ended_first(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tiny_run / "supernet" / "last", tmp_path / "supernet" / "last")
    step = read_state(state_folder(tmp_path)).num_steps_done
    expected = (
        f"error: {tmp_path} must hold a trained supernet, but its training on fashion-mnist-mini is"
        f" unfinished, at step {step}: repeat the command that began it, python -m supernet.train "
        f"... --out {tmp_path}, with --resume, then search"
    )
    assert refused(capsys, [*FAST, "--out", str(tmp_path)]) == expected
    assert refused(capsys, [*FAST, "--out", str(tmp_path), "--data", "photos"]) == expected


def test_the_search_folder_is_the_documented_one(searched: Path) -> None:
    names = {path.name for path in (searched / "search").iterdir()}
    assert names == {"study.db", "candidates.csv", "lookup_table.json", "report.html"}


def test_the_table_records_both_counts_of_the_full_network(searched: Path) -> None:
    found = json.loads((searched / "search" / "lookup_table.json").read_text())["supernet"]
    total = sum(found["group_macs"]["w1-r12"])
    assert found["full_network"] == {"macs": total, "macs_thop": total, "differing_layers": []}


def test_a_search_goes_on_where_thop_cannot_count_and_says_so(
    tiny_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken() -> None:
        raise KeyError("no rule")

    monkeypatch.setattr("nas.cost.second_opinion._load_thop", broken)
    shutil.copytree(tiny_run / "supernet", tmp_path / "supernet")
    assert main(["--trials", "2", *FAST[2:], "--out", str(tmp_path)]) == 0
    why = "KeyError: 'no rule'"
    [line] = [line for line in capsys.readouterr().err.splitlines() if "thop" in line]
    assert line == f"warning: thop cannot count the MACs of this network: {why}"
    text = (tmp_path / "search" / "lookup_table.json").read_text()
    check_all(json.loads(text))
    found = json.loads(text)["supernet"]["full_network"]
    assert (found["macs_thop"], found["thop_error"]) == (None, why)
    assert found["macs"] > 0


def _as_chosen(table: LookupTable) -> list[Entry]:
    """The entries with the accuracy that they were chosen with."""
    return [
        entry.with_values(
            top1=entry.top1_selection,
            top1_low=min(entry.accuracy.top1_low, entry.top1_selection),
            top1_high=max(entry.accuracy.top1_high, entry.top1_selection),
        )
        for entry in table
    ]


def test_the_table_is_valid_and_holds_a_front_of_the_candidates(searched: Path) -> None:
    path = searched / "search" / "lookup_table.json"
    check_all(json.loads(path.read_text()))
    table = LookupTable.read(path)
    candidates = read_candidates(searched / "search" / "candidates.csv")
    assert len(candidates) == 6
    # Those near the front are timed again, side by side; the table is the front of that.
    assert {entry.config_id for entry in table} <= {
        each.config_id for each in Choice().near(candidates)
    }
    assert [entry.config_id for entry in table] == [
        e.config_id for e in pareto_front(_as_chosen(table))
    ]
    chosen = {candidate.config_id: candidate.accuracy.top1 for candidate in candidates}
    assert all(entry.top1_selection == chosen[entry.config_id] for entry in table)
    assert table.target.runtime == "onnxruntime"
    assert table.target.num_threads == 1
    assert table.splits == {"train": 10000, "calibration": 2000, "selection": 5000, "report": 5000}
    assert table.supernet["class_names"][0] == "T-shirt/top"


def test_latencies_of_the_table_ascend_and_so_does_the_choosing_accuracy(searched: Path) -> None:
    entries = list(LookupTable.read(searched / "search" / "lookup_table.json"))
    accuracies = [entry.top1_selection for entry in entries]
    assert accuracies == sorted(accuracies)


def test_the_summary_can_be_read_at_a_glance(
    searched: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert main([*FAST, "--out", str(searched)]) == 0
    out = capsys.readouterr().out
    assert "6 candidates;" in out
    assert "of them outside the uniform grid" in out
    assert "w1-r12" in out


def test_a_second_search_evaluates_nothing_again(
    searched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a known config was evaluated again")

    before = (searched / "search" / "candidates.csv").read_bytes()
    monkeypatch.setattr("nas.evaluate.evaluator.Evaluator.evaluate", forbidden)
    assert main([*FAST, "--out", str(searched)]) == 0
    assert (searched / "search" / "candidates.csv").read_bytes() == before


def test_report_shows_front_grid_and_search(searched: Path) -> None:
    page = (searched / "search" / "report.html").read_text(encoding="utf-8")
    assert "uniform grid (6), on selection" in page
    assert "on report" in page
    assert "w0.25-r8" in page


def test_another_target_does_not_go_on_with_the_study(
    searched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, [*FAST, "--batch-size", "2", "--out", str(searched)])
    assert "a resumed search must have the same supernet, target and objectives" in line
    assert "the target has changed (batch_size: 1 -> 2); choose another --out or --storage" in line


def test_a_processor_of_the_same_name_without_some_instruction_sets_does_not_go_on(
    searched: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = machine_details()
    monkeypatch.setattr("nas.evaluate.target.machine_details", lambda: here | {"caches": "L1d 8K"})
    line = refused(capsys, [*FAST, "--out", str(searched)])
    assert "the target has changed (caches: " in line
    assert " -> L1d 8K)" in line
    sets = str(here.get("instruction_sets", "")).split()
    other = here | {"instruction_sets": " ".join([*sets[1:], "avx1024"])}
    monkeypatch.setattr("nas.evaluate.target.machine_details", lambda: other)
    assert "with avx1024" in refused(capsys, [*FAST, "--out", str(searched)])


def test_more_threads_than_usable_cores_are_refused_before_anything_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.threads.usable_cores", lambda: Cores(frozenset(range(8)), 2.0))
    line = refused(capsys, ["--num-threads", "4", "--out", str(tmp_path / "new")])
    assert "may use, 2 (affinity to 8, a quota of 2), but got 4; use --num-threads 2" in line
    assert not (tmp_path / "new").exists()


def test_limits_that_nothing_keeps_are_one_clear_line(
    searched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (searched / "search" / "lookup_table.json").read_bytes()
    line = refused(capsys, [*FAST, "--max-macs", "10", "--out", str(searched)])
    assert "macs can be no less than" in line
    assert "got the constraint macs<=10; loosen it" in line
    assert (searched / "search" / "lookup_table.json").read_bytes() == before


def test_a_latency_that_nothing_keeps_is_known_before_the_search(
    own_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*FAST, "--supernet", str(own_run), "--out", str(tmp_path)]
    assert main([*options, "--max-latency-ms", "0.0001"]) == 2
    err = capsys.readouterr().err
    assert all(name in err for name in ("smallest", "middle", "largest", "MMACs", "parameters"))
    assert "latency_p50_ms can be no less than 0." in err.splitlines()[-1]
    assert not (tmp_path / "search" / "candidates.csv").exists()


@pytest.mark.slow
def test_objectives_and_constraints_go_by_name(
    own_run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    options = [*FAST, "--out", str(own_run), "--objectives", "top1", "num_params", "energy_mj"]
    monkeypatch.setattr("nas.evaluate.evaluator.rapl", lambda: None)
    assert "energy_mj must be measurable" in refused(capsys, options)
    assert not (own_run / "search" / "study.db").exists()
    energy = dict.fromkeys(range(99), 0.25)
    monkeypatch.setattr("nas.evaluate.evaluator.Evaluator.energy_mj", lambda *_: energy[0])
    bounds = ["--constraint", "latency_p99_ms<=1000", "top1>=0.05"]
    assert main([*options, *bounds]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("p99 ms", "parameters", "mJ", "0.25"))
    table = LookupTable.read(own_run / "search" / "lookup_table.json")
    params = [entry.num_params for entry in sorted(table, key=lambda each: each.top1_selection)]
    assert params == sorted(params), "a front of top1 and parameters"
    assert table.protocol["max_latency_ms"] == 1000
    search = table.provenance["search"]
    assert search["objectives"] == ["top1", "num_params", "energy_mj"]
    assert search["constraints"] == ["latency_p99_ms<=1000", "top1>=0.05"]
    # Known candidates count under other constraints, and are told where none keeps them.
    line = refused(capsys, [*options, "--constraint", "top1>=0.999"])
    assert "none of 6 does: this supernet here allows top1 0." in line


def test_each_entry_says_how_probably_it_keeps_the_budget(
    searched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(searched, tmp_path / "run")
    options = [*FAST, "--out", str(tmp_path / "run")]
    assert main([*options, "--max-latency-ms", "1000"]) == 0
    path = tmp_path / "run" / "search" / "lookup_table.json"
    table = LookupTable.read(path)
    check_all(json.loads(path.read_text()))
    assert table.protocol["max_latency_ms"] == 1000
    assert {entry.budget_probability for entry in table} == {1.0}
    before = LookupTable.read(searched / "search" / "lookup_table.json")
    assert {entry.budget_probability for entry in before} == {None}


@pytest.mark.slow
def test_a_repeatable_search_finds_the_same_candidates_again(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [*FAST, "--repeatable", "--trials", "24"]
    found = []
    for name in ("one", "other"):
        shutil.copytree(tiny_run, tmp_path / name)  # of its own: each scores for itself
        assert main([*options, "--out", str(tmp_path / name)]) == 0
        candidates = read_candidates(tmp_path / name / "search" / "candidates.csv")
        found.append(
            [(each.config_id, each.origin, each.accuracy.top1, each.macs) for each in candidates]
        )
    assert found[0] == found[1]
    assert {origin for _, origin, *_ in found[0]} == {"grid", "search"}
    path = tmp_path / "one" / "search" / "lookup_table.json"
    assert LookupTable.read(path).provenance["search"]["repeatable"] is True


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--runtime", "toaster"], "runtime must be one of"),
        (["--device", "toaster"], "'toaster' is not"),
        (["--supernet", "no/such/run"], "must hold a trained supernet"),
        (["--repeatable", "--max-latency-ms", "9"], "but got latency_p50_ms<=9; omit one"),
        (["--objectives", "top1", "speed"], "must be one of top1, latency_p50_ms, "),
        (["--objectives", "macs"], "objectives must be top1 and then one cost or more"),
        (["--constraint", "speed<=1"], "must be one of top1, latency_p50_ms, "),
        (["--constraint", "top1"], "must read like 'latency_p99_ms<=8' or 'top1>=0.9'"),
        (["--repeatable", "--sampler", "tpe"], "but got --sampler tpe; omit one"),
    ],
)
def test_bad_input_is_one_clear_line(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert words in refused(capsys, [*FAST, *arguments, "--out", str(out)])
    assert not out.exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_without_cuda_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, [*FAST, "--device", "cuda", "--out", str(tmp_path / "run")])
    assert "'cuda' is not" in line


def test_a_damaged_supernet_is_refused(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tiny_run, tmp_path / "run")
    weights = tmp_path / "run" / "supernet" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    line = refused(capsys, [*FAST, "--out", str(tmp_path / "run")])
    assert "must be a complete checkpoint" in line


def test_a_damaged_study_is_refused(
    searched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(searched, tmp_path / "run")
    study = tmp_path / "run" / "search" / "study.db"
    content = study.read_bytes()[:20_000]
    study.write_bytes(content)
    line = refused(capsys, [*FAST, "--out", str(tmp_path / "run")])
    assert "must be an Optuna storage" in line
    assert study.read_bytes() == content


def test_a_folder_that_cannot_be_written_is_one_clear_line(
    tiny_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, [*FAST, "--supernet", str(tiny_run), "--out", "/proc/mutualnas"])
    assert "must be writable" in line
