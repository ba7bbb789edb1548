from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.search.number_types import WAYS, compare, figure, lines, volumes
from nas.search import SearchJob

QUICK = SearchJob(
    num_trials=6, num_threads=1, steps_s=0, trial_s=0.05, front_s=0.5, allow_noisy=True
)


def test_a_front_that_is_faster_everywhere_has_the_larger_volume() -> None:
    entries = [{"top1": top1, "ms": ms} for top1, ms in ((0.7, 1.0), (0.8, 2.0), (0.9, 4.0))]
    faster = [{**each, "ms": each["ms"] / 2} for each in entries]
    alone, both = WAYS
    found = volumes({alone: {"entries": entries}, both: {"entries": faster}})
    assert found[both] > found[alone] > 0


@pytest.mark.slow
def test_both_searches_are_timed_side_by_side(trained_run: Path, tmp_path: Path) -> None:
    found = compare(trained_run, replace(QUICK, runtime="onnxruntime"), tmp_path / "out")
    alone, both = (found["searches"][way] for way in WAYS)
    assert {each["dtype"] for each in alone["entries"]} == {"float32"}
    for each in both["entries"]:
        assert ("agreement" in each) == (each["dtype"] == "int8")
        assert each["low_ms"] <= each["ms"] <= each["high_ms"]
    result = {"wide_resnet": {"onnxruntime": found, "openvino": found}}
    said = "\n".join(lines(result))
    assert said.count("wide_resnet, o") == 2
    assert all(f"`{each['config_id']}`" in said for each in both["entries"])
    assert [trace.name for trace in figure(result).data] == [*WAYS, *WAYS, "float32", "int8"]
