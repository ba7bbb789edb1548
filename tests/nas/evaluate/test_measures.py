import numpy as np
import pytest

from nas.errors import NasError
from nas.evaluate.evaluation import Evaluation
from nas.evaluate.measures import EXTRA, MEASURES, is_latency, require_known, value_of
from planner import Candidate


def test_an_evaluation_has_all_measures_by_name(candidates: list[Candidate]) -> None:
    one = Evaluation(candidate=candidates[0], correct=np.zeros(1, dtype=bool), energy_mj=2.5)
    found = {name: value_of(one, name) for name in MEASURES}
    assert found == {
        "top1": 0.8,
        "latency_p50_ms": 1.0,
        "latency_p90_ms": 2.0,
        "latency_p99_ms": 3.0,
        "macs": 2_500_000,
        "num_params": 1000,
        "peak_memory_bytes": None,
        "energy_mj": 2.5,
    }
    assert set(EXTRA) < set(MEASURES)
    assert [name for name in MEASURES if is_latency(name)] == [*MEASURES][1:4]


def test_an_unknown_name_is_answered_by_those_that_are_known() -> None:
    require_known(MEASURES, "an objective")
    with pytest.raises(NasError) as caught:
        require_known(["top1", "speed"], "an objective")
    assert str(caught.value) == (
        "an objective must be one of top1, latency_p50_ms, latency_p90_ms, latency_p99_ms, "
        "macs, num_params, peak_memory_bytes, energy_mj, but got 'speed'"
    )
