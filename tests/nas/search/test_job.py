import pytest

from nas.errors import NasError
from nas.evaluate.constraint import Constraint
from nas.search.job import SearchJob

FAST = Constraint("latency_p99_ms", 8.0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"num_trials": 0}, "`num_trials` must be 1 or more, but got 0"),
        ({"num_threads": -1}, "`num_threads` must be 1 or more"),
        ({"role": "both"}, "`role` must be one of all, latency, accuracy, but got 'both'"),
        ({"repeatable": True, "constraints": (FAST,)}, "but got latency_p99_ms<=8; omit one"),
        (
            {"repeatable": True, "objectives": ("top1", "energy_mj")},
            "but got the objective energy_mj; omit one",
        ),
        ({"objectives": ("top1", "macs", "macs")}, "must be given once, but got top1 macs macs"),
        ({"objectives": ()}, "must be top1 and then one cost or more, but got none"),
        ({"repeatable": True, "sampler": "nsga2"}, "got --sampler nsga2"),
    ],
)
def test_what_cannot_be_searched_with_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(NasError, match=message):
        SearchJob(**values)  # type: ignore[arg-type]


def test_steps_are_of_latency_and_only_of_use_where_nothing_else_counts() -> None:
    assert SearchJob().has_steps
    assert SearchJob(constraints=(FAST, Constraint("top1", 0.9))).has_steps
    assert not SearchJob(constraints=(Constraint("macs", 1e6),)).has_steps
    assert not SearchJob(objectives=("top1", "latency_p50_ms", "num_params")).has_steps


def test_a_repeatable_search_proposes_by_macs_where_it_optimises_latency() -> None:
    objectives = ("top1", "latency_p50_ms", "latency_p99_ms", "num_params")
    assert SearchJob(objectives=objectives).proposed_by == objectives
    job = SearchJob(objectives=objectives, repeatable=True)
    assert job.proposed_by == ("top1", "macs", "num_params")


def test_the_latency_budget_is_the_tightest_bound() -> None:
    assert SearchJob(constraints=(Constraint("macs", 1e6),)).max_latency_ms is None
    both = (Constraint("latency_p50_ms", 5.0), Constraint("latency_p99_ms", 4.0))
    assert SearchJob(constraints=both).max_latency_ms == 4.0


def test_number_types_must_differ_and_be_told_by_what_is_proposed_by() -> None:
    with pytest.raises(NasError, match=r"must be different ones of .* but got int8 int8"):
        SearchJob(dtypes=("int8", "int8"))
    with pytest.raises(NasError, match=r"must be different ones of .* but got none"):
        SearchJob(dtypes=())
    with pytest.raises(NasError, match="but got --dtypes float32 int8, which have the same MACs"):
        SearchJob(dtypes=("float32", "int8"), repeatable=True)
