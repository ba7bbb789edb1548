import numpy as np

from benchmarks.training.finite_widths import ALL_WIDTHS, compared, configs
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
    assert set(TrainingJob().space.widths) < set(ALL_WIDTHS)


def test_differences_are_paired_and_pooled() -> None:
    right, wrong = np.ones(10, bool), np.zeros(10, bool)
    found = compared([("full", right), ("full", right)], [("full", right), ("full", wrong)])
    assert (found["full"]["finite"], found["full"]["all"]) == (1, 0.5)
    assert found["full"]["difference"]["mean"] == 0.5
