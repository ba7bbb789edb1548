import numpy as np

from benchmarks.training.finite_widths import ALL_WIDTHS, POOL, compared, configs, other_job
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
    job = TrainingJob()
    every, pooled = (other_job(name, job) for name in ("all", "pool"))
    assert set(job.space.widths) < set(every.space.widths) == set(ALL_WIDTHS)
    assert (job.recipe.pool, every.recipe.pool, pooled.recipe.pool) == (None, None, POOL)


def test_differences_are_paired_and_pooled() -> None:
    right, wrong = np.ones(10, bool), np.zeros(10, bool)
    found = compared([("full", right), ("full", right)], [("full", right), ("full", wrong)])["full"]
    assert (found["finite"], found["other"]) == (1, 0.5)
    assert found["difference"]["mean"] == 0.5
