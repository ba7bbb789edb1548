from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nas.evaluate.choice import Choice
from nas.evaluate.evaluator import Evaluator
from nas.evaluate.lookup_table import make_table
from nas.evaluate.target import describe_target
from nas.meter.latency import MIN_ROUNDS
from nas.runtimes import load_runtime
from planner import Candidate, LookupTable, pareto_front
from supernet import SubnetConfig, load_supernet
from supernet.data import Data
from supernet.evaluate.accuracy import Images


@pytest.fixture(scope="module")
def evaluator(tiny_run: Path, few_to_score: Data) -> Evaluator:
    supernet, _ = load_supernet(tiny_run)
    images = Images(few_to_score, torch.device("cpu"))
    runtime = load_runtime("onnxruntime", num_threads=1)
    return Evaluator(supernet, images, runtime, batch_size=1, seed=0)


@pytest.fixture(scope="module")
def candidates(evaluator: Evaluator) -> list[Candidate]:
    configs = [
        SubnetConfig(width_mults=(width,), resolution=resolution)
        for width in (0.25, 0.5, 1.0)
        for resolution in (8, 12)
    ]
    return [evaluator.evaluate(config, max_s=0.1).candidate for config in configs]


@pytest.fixture(scope="module")
def table(evaluator: Evaluator, candidates: list[Candidate]) -> LookupTable:
    return made(evaluator, candidates)


def made(
    evaluator: Evaluator,
    candidates: list[Candidate],
    *,
    choice: Choice | None = None,
    uniform: Sequence[SubnetConfig] = (),
) -> LookupTable:
    return make_table(
        evaluator,
        candidates,
        choice=choice,
        uniform=uniform,
        target=describe_target(evaluator.runtime, 1),
        supernet={
            "model": "wide_resnet",
            "data": "fashion-mnist-mini",
            "weights_sha256": "0" * 64,
            "class_names": ["bag"],
            "normalisation": {"mean": [0.3], "std": [0.3]},
            "seed": 0,
            "recipe": {},
        },
        splits={"train": 1, "calibration": 1, "selection": 1, "report": 1},
        provenance={"versions": {}, "command": "pytest", "created_utc": "2026-01-01T00:00:00"},
        max_s=1.0,
        allow_noisy=True,
    )


def test_what_the_entries_gain_over_the_uniform_grid_is_told_on_report(
    evaluator: Evaluator, candidates: list[Candidate], table: LookupTable
) -> None:
    """An entry stands beside a slower config of the grid that is believed to be worse."""
    fast = replace(candidates[0], origin="search")
    wide = SubnetConfig(width_mults=(1.0,), resolution=12)
    grid = SubnetConfig(width_mults=(0.6,), resolution=12)
    believed = {fast.config_id: 0.9, wide.config_id: 0.5, grid.config_id: 0.5}
    choice = Choice(known={"top1": believed})
    provenance = made(evaluator, [fast], choice=choice, uniform=[wide, grid]).provenance
    assert [each["config_id"] for each in provenance["uniform_grid"]] == ["w1-r12", "w0.6-r12"]
    numbers = {each["config_id"]: each["top1"] for each in provenance["uniform_grid"]}
    gain = provenance["gains"]["faster"]
    assert (gain["config_id"], gain["grid_config_id"]) == ("w0.25-r8", "w0.6-r12")
    assert gain["grid_top1"] == numbers["w0.6-r12"]
    assert gain["difference"]["mean"] == pytest.approx(gain["top1"] - numbers["w0.6-r12"])
    assert gain["difference"]["low"] < gain["difference"]["mean"] < gain["difference"]["high"]
    assert table.provenance["gains"] is None, "no grid was timed"


def test_entries_are_a_front_in_the_new_latency_and_the_choosing_accuracy(
    table: LookupTable,
) -> None:
    as_chosen = [
        entry.with_values(top1=entry.top1_selection, top1_low=0.0, top1_high=1.0) for entry in table
    ]
    assert pareto_front(as_chosen) == as_chosen
    assert len(table) >= 2


def test_latency_is_measured_again_and_top1_comes_from_report(
    table: LookupTable, candidates: list[Candidate], evaluator: Evaluator
) -> None:
    before = {candidate.config_id: candidate for candidate in candidates}
    for entry in table:
        old = before[entry.config_id]
        assert entry.latency != old.latency
        assert entry.top1_selection == old.accuracy.top1
        config = SubnetConfig(
            width_mults=entry.config.width_mults, resolution=entry.config.resolution
        )
        scored = evaluator.report_accuracy(evaluator.compile(config), entry.config.resolution)
        assert entry.accuracy.top1 == scored.top1
    rounds = table.protocol["num_rounds"] + table.protocol["num_disturbed_rounds"]
    assert rounds >= MIN_ROUNDS
