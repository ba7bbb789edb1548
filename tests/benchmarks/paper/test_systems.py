from dataclasses import replace

from benchmarks.paper.budgets import BUDGETS
from benchmarks.paper.systems import DEFAULT, EQUAL_MACS, PAPERS, Source, all_runs, tuning_runs

SOURCE = Source(data="fashion-mnist-mini", data_root="", resolutions=(28, 16), num_classes=10)


def test_systems_have_equal_steps_and_equal_macs() -> None:
    runs = list(all_runs(SOURCE, BUDGETS["small"], {}))
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
    runs = list(all_runs(SOURCE, budget, {}))
    epochs = {run.system: run.job.epochs for run in runs}
    assert epochs["us (equal MACs)"] < epochs["mutual"] == 200
    equal = [run for run in runs if run.system.endswith(EQUAL_MACS) or run.system == DEFAULT]
    assert {run.system for run in equal} > {DEFAULT}
    assert all(0.99 < run.cost < 1.01 for run in equal)


def test_each_system_has_a_learning_rate_of_its_own_chosen_on_other_images() -> None:
    budget = replace(BUDGETS["long"], tuning_epochs=2)
    tuning = list(tuning_runs(SOURCE, budget))
    assert {(name, rate) for name, rate, _ in tuning} == {
        (name, rate) for name in (*PAPERS, DEFAULT) for rate in budget.learning_rates
    }
    assert len({run.name for *_, run in tuning}) == len(tuning)
    assert all(
        run.job.hyperparameters.lr == rate and run.job.epochs == 2 for _, rate, run in tuning
    )
    runs = list(all_runs(SOURCE, budget, {"us": 0.05, DEFAULT: 0.2}))
    rates = {run.system: run.job.hyperparameters.lr for run in runs}
    assert rates["us"] == rates["us (equal MACs)"] == 0.05
    assert (rates["mutual"], rates[DEFAULT]) == (budget.lr, 0.2)
    assert not {run.job.seed for *_, run in tuning} & {run.job.seed for run in runs}
