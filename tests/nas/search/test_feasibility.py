import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

import nas.search.feasibility
from nas.cost.macs import count_macs
from nas.errors import LimitError
from nas.evaluate.constraint import Constraint
from nas.evaluate.evaluator import Evaluator
from nas.meter.latency import Measurement
from nas.runtimes import load_runtime
from nas.search.feasibility import require_feasible
from supernet import load_supernet
from supernet.data import Data
from supernet.evaluate.accuracy import Images


@pytest.fixture(scope="module")
def evaluator(tiny_run: Path, few_to_score: Data) -> Evaluator:
    supernet, _ = load_supernet(tiny_run)
    images = Images(few_to_score, torch.device("cpu"))
    return Evaluator(
        supernet, images, load_runtime("onnxruntime", num_threads=1), batch_size=1, seed=0
    )


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nas.search.feasibility, "MEASURE_S", 0.3)


def checked(evaluator: Evaluator, *constraints: str) -> str:
    """What is printed."""
    out = io.StringIO()
    require_feasible(
        evaluator,
        list(map(Constraint.parse, constraints)),
        allow_noisy=True,
        console=Console(file=out, width=120),
    )
    return out.getvalue()


def test_the_table_names_the_corners_and_what_they_cost(evaluator: Evaluator) -> None:
    printed = checked(evaluator, "latency_p99_ms<=1e3", "top1>=0.99")
    space = evaluator.supernet.space
    assert space.smallest.config_id in printed
    assert space.largest.config_id in printed
    largest = count_macs(evaluator.supernet.extract(space.largest), space.largest.resolution)
    assert f"{largest / 1e6:.2f}" in printed


def test_macs_below_the_smallest_are_refused_and_the_smallest_are_not(evaluator: Evaluator) -> None:
    smallest = evaluator.supernet.space.smallest
    macs = count_macs(evaluator.supernet.extract(smallest), smallest.resolution)
    checked(evaluator, f"macs<={macs}")
    with pytest.raises(LimitError, match=r"macs can be no less than .* the constraint macs<="):
        checked(evaluator, f"macs<={macs - 1}")


def test_a_latency_below_the_fastest_is_refused(evaluator: Evaluator) -> None:
    with pytest.raises(LimitError, match=r"latency_p90_ms can be no less than 0\.\d+ .*1e-05"):
        checked(evaluator, "latency_p90_ms<=1e-5")


def test_a_machine_slowed_from_outside_refuses_no_latency_that_it_may_reach(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured, measure, slowdown = list[Measurement](), Evaluator.measure, 0.0

    def once(*args: Any, **options: Any) -> Measurement:
        if not measured:
            measured.append(measure(*args, **options))
        return replace(measured[0], slowdown=slowdown)

    monkeypatch.setattr(Evaluator, "measure", once)
    checked(evaluator, "latency_p50_ms<=1e3")
    half = f"latency_p50_ms<={min(each.p50_low_ms for each in measured[0].latencies) / 2}"
    with pytest.raises(LimitError, match="can be no less than"):
        checked(evaluator, half)
    slowdown = 3.0
    checked(evaluator, half)
    with pytest.raises(LimitError, match="can be no less than"):
        checked(evaluator, "latency_p50_ms<=1e-5")
