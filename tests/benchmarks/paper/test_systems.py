from dataclasses import replace

from benchmarks.paper.budgets import BUDGETS
from benchmarks.paper.systems import DEFAULT, EQUAL_MACS, PAPERS, all_runs

SIDES = (28, 24, 20, 16)


def test_systems_have_equal_steps_and_equal_macs() -> None:
    runs = list(all_runs("fashion-mnist-mini", "", SIDES, BUDGETS["small"], 10))
    assert len({(run.system, run.name) for run in runs}) == len(runs)
    systems = {run.system: run.job.epochs for run in runs}
    assert set(PAPERS) < set(systems)
    assert all(systems[name] == BUDGETS["small"].epochs for name in PAPERS)
    assert {run.job.seed for run in runs} == {0, 1}
    alone = [run for run in runs if run.system == "independent" and run.job.seed == 0]
    assert [run.width for run in alone] == [1.0, 0.75, 0.5]
    assert all(run.job.space.widths == (1.0,) for run in alone)


def test_systems_of_equal_macs_cost_the_same() -> None:
    """Of many epochs, so that rounding to whole ones does not matter: us costs more a step."""
    budget = replace(BUDGETS["small"], epochs=200)
    runs = list(all_runs("fashion-mnist-mini", "", SIDES, budget, 10))
    epochs = {run.system: run.job.epochs for run in runs}
    assert epochs["us (equal MACs)"] < epochs["mutual"] == 200
    equal = [run for run in runs if run.system.endswith(EQUAL_MACS) or run.system == DEFAULT]
    assert {run.system for run in equal} > {DEFAULT}
    assert all(0.99 < run.cost < 1.01 for run in equal)
