import pytest

from nas.errors import NasError
from nas.search.job import SearchJob
from planner import Limits


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"num_trials": 0}, "`num_trials` must be 1 or more, but got 0"),
        ({"num_threads": -1}, "`num_threads` must be 1 or more"),
        ({"role": "both"}, "`role` must be one of all, latency, accuracy, but got 'both'"),
        ({"repeatable": True, "limits": Limits(max_latency_ms=1)}, "got --max-latency-ms"),
        ({"repeatable": True, "sampler": "nsga2"}, "got --sampler nsga2"),
    ],
)
def test_what_cannot_be_searched_with_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(NasError, match=message):
        SearchJob(**values)  # type: ignore[arg-type]


def test_memory_is_an_objective_only_where_asked_for() -> None:
    assert SearchJob().objectives == ("top1", "latency_p50_ms", "macs")
    assert SearchJob(with_memory=True).objectives[-1] == "peak_memory_bytes"
