import numpy as np

from benchmarks.training.finite_widths import ALL_WIDTHS, POOL, compared, configs, jobs
from supernet import TrainingJob


def test_the_same_configs_are_compared() -> None:
    found = list(configs(TrainingJob(), 4))
    assert [config.config_id for _, config in found[:4]] == [
        "w1-r28",
        "w0.25-r28",
        "w1-r16",
        "w0.25-r16",
    ]
    assert len({config.config_id for _, config in found}) == len(found)
    of = jobs(TrainingJob())
    assert set(of["finite"].space.widths) < set(of["all"].space.widths) == set(ALL_WIDTHS)
    assert (of["finite"].recipe.pool, of["pool"].recipe.pool) == (None, POOL)


def test_differences_are_paired_and_pooled() -> None:
    right, wrong = np.ones(10, bool), np.zeros(10, bool)
    finite, other = [("full", right), ("full", right)], [("full", right), ("full", wrong)]
    found = compared({"finite": finite, "all": other, "pool": finite})["full"]
    assert found["top1"] == {"finite": 1, "all": 0.5, "pool": 1}
    assert found["finite minus"]["all"]["mean"] == 0.5
    assert found["finite minus"]["pool"]["mean"] == 0
