from pathlib import Path

import pytest

from benchmarks.search.photographs import lines, searched
from nas.search import SearchJob

QUICK = SearchJob(
    num_trials=16, num_threads=1, steps_s=0, trial_s=0.05, front_s=0.5, allow_noisy=True
)


@pytest.mark.slow
def test_a_search_is_told_beside_its_grid_and_leaves_the_run_alone(
    trained_run: Path, tmp_path: Path
) -> None:
    found = searched(trained_run, QUICK, tmp_path / "out")
    assert found["num_candidates"] == found["num_scored"] == 16
    assert 0 <= found["num_own_entries"] <= found["num_entries"] == len(found["entries"])
    assert not (trained_run / "supernet" / "scores.jsonl").exists()
    head, _, *rest = lines({"stage": found})
    assert head.startswith("**wide_resnet, a width a stage** (3 widths, 2 resolutions from 8 to ")
    assert rest[:1] + rest[-2:] == ["```", "```", ""]
    assert len(rest) > 3, "what was gained, or that nothing was"
