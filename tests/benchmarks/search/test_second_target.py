import shutil
from pathlib import Path

import pytest

from benchmarks.search.second_target import NUM_EVALUATIONS, WAYS, compare, lines, replay
from nas.search import SearchJob

QUICK = SearchJob(
    num_trials=4, num_threads=1, steps_s=0, trial_s=0.05, front_s=0.5, allow_noisy=True
)


@pytest.mark.slow
def test_a_second_target_scores_nothing_anew_and_says_what_it_took(
    trained_run: Path, tmp_path: Path
) -> None:
    jobs = {
        name: SearchJob(**vars(QUICK) | {"runtime": name, "num_trials": num_trials})
        for name, num_trials in (("onnxruntime", 4), ("eager", 3))
    }
    found = compare(trained_run, jobs, tmp_path / "out")
    assert found["first"]["num_scored"] == 4
    assert found["second"]["num_scored"] == 0
    assert found["alone"]["num_scored"] == 4
    assert found["num_equal_scores"] == found["num_equal_candidates"] == 3
    assert not (trained_run / "supernet" / "scores.jsonl").exists(), "RUN is only read"
    [said, _] = lines({"time": found})
    assert said.startswith("onnxruntime: ")
    assert "3 of 3 equal candidates have equal scores." in said
    shutil.rmtree(tmp_path / "out")


@pytest.mark.slow
def test_a_search_that_begins_with_what_is_known_finds_a_better_front() -> None:
    found = replay(seeds=[10])
    for values in found["targets"].values():
        for count in NUM_EVALUATIONS:
            assert values[f"entries {count}"]["value"] > values[f"alone {count}"]["value"]
    head, _, *rows, end = lines({"replay": found})
    assert head.startswith("| a second target, 1 seeds | evaluations |")
    assert len(rows) == len(WAYS) * len(NUM_EVALUATIONS) + 1
    assert {row.count("|") for row in rows} == {head.count("|")}
    assert end == ""
