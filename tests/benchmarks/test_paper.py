import math
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.paper import finished, summarise
from benchmarks.paper_budgets import BUDGETS
from benchmarks.paper_report import boost, fronts, table
from benchmarks.paper_scores import best_under, front_volume, interval
from benchmarks.paper_systems import EQUAL_MACS, PAPERS, VARIANTS, all_runs

SIDES = (28, 24, 20, 16)


def score(macs: int, selection: int, report: int, width: float = 1.0) -> dict[str, float]:
    return {
        **{"macs": macs, "selection": selection, "report": report, "width": width},
        **{"resolution": 28, "num_selection": 100, "num_report": 100},
    }


def test_systems_have_equal_steps_and_equal_macs() -> None:
    runs = list(all_runs("fashion-mnist-mini", "", SIDES, BUDGETS["small"], 10))
    assert len({(run.system, run.name, run.sides_above) for run in runs}) == len(runs)
    systems = {run.system: run.job.epochs for run in runs}
    assert set(PAPERS) < set(systems)
    assert all(systems[name] == BUDGETS["small"].epochs for name in PAPERS)
    assert {run.job.seed for run in runs} == {0, 1}
    alone = [run for run in runs if run.system == "independent" and run.job.seed == 0]
    assert [run.width for run in alone] == [1.0, 0.75, 0.5]
    assert all(run.job.space.width_range == (1.0, 1.0) for run in alone)


def test_systems_of_equal_macs_cost_the_same() -> None:
    """Of many epochs, so that rounding to whole ones does not matter: us costs more a step."""
    budget = replace(BUDGETS["small"], epochs=200)
    runs = list(all_runs("fashion-mnist-mini", "", SIDES, budget, 10))
    epochs = {run.system: run.job.epochs for run in runs}
    assert epochs["us (equal MACs)"] < epochs["mutual"] == 200
    recipes = [recipe for recipe, _ in VARIANTS]
    equal = [run for run in runs if run.system.endswith(EQUAL_MACS) or run.job.recipe in recipes]
    assert {run.system for run in equal} > {f"mutual, {recipe.name}" for recipe in recipes}
    assert all(0.99 < run.cost < 1.01 for run in equal)


def test_the_trained_mutual_is_scored_above_its_resolutions_too() -> None:
    runs = all_runs("fashion-mnist-mini", "", SIDES, BUDGETS["toy"], 10)
    above = [run for run in runs if run.system == "mutual, tested above"]
    assert [run.sides_above for run in above] == [(), (32,)]
    assert {run.name for run in above} == {"seed0-mutual-w1"}


def test_a_system_of_which_a_network_is_missing_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = list(all_runs("fashion-mnist-mini", "", SIDES, BUDGETS["toy"], 10))
    left = {"seed0-us-w1", "seed0-independent-w0.5"}
    monkeypatch.setattr("benchmarks.paper.is_finished", lambda folder: folder.name not in left)
    there = finished(runs, tmp_path)
    assert [run.name for run in there] == [run.name for run in runs if run.name not in left]
    systems = {run.system for run in there}
    assert {run.system for run in runs} - systems == {"us", "independent"}
    assert "independent, unfinished" in systems


def test_the_best_under_a_budget_is_chosen_on_selection_and_reported_on_report() -> None:
    scores = [score(10, 50, 70), score(20, 60, 55), score(30, 60, 90)]
    assert best_under(scores, 9) is None
    assert best_under(scores, 10) == scores[0]
    assert best_under(scores, 99) == scores[1]


def test_an_interval_holds_images_and_seeds() -> None:
    one = interval([(80, 100)])
    two = interval([(70, 100), (90, 100)])
    assert one is not None
    assert two is not None
    assert one["high"] - one["top1"] == pytest.approx(1.96 * math.sqrt(0.8 * 0.2 / 100), rel=1e-3)
    assert two["top1"] == 0.8
    assert two["high"] - 0.8 == pytest.approx(1.96 * math.sqrt(0.0016 + 0.01), rel=1e-3)
    assert interval([]) is None


def test_the_volume_is_under_steps_over_log_macs() -> None:
    assert front_volume([(1, 0.5), (math.e, 0.8), (math.e**2, 0.9)]) == pytest.approx(1.3)


def test_the_summary_compares_systems() -> None:
    mutual = [score(10, 50, 50, 0.5), score(100, 80, 80)]
    alone = [score(10, 40, 40, 0.5), score(100, 72, 72)]
    result = summarise(
        {"mutual": {0: mutual, 1: mutual}, "independent": {0: alone, 1: alone}},
        {"mutual": {"epochs": 2, "cost": 1.0}, "independent": {"epochs": 2, "cost": 0.9}},
    )
    result["title"] = "made up"
    assert result["macs"] == [10, 100]
    assert result["systems"]["independent"]["volume_ratio"] == pytest.approx(0.8)
    assert result["full_network"]["mutual"]["top1"] == 0.8
    assert "| mutual | 2 | 2 | 1.00 | 50.0 +-9.8 | 80.0 +-" in table(result)
    assert "- independent is above mutual at no MMACs" in table(result)
    result["systems"]["independent"]["top1"][1] = interval([(83, 100)])
    assert "- independent is above mutual at 0.00 (by 3.00) MMACs" in table(result)
    assert len(fronts(result).data) == 2
    assert list(boost(result).data[0].x) == ["mutual", "independent"]
