"""The search from Python; what the command does with it is in test___main__.py."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas.errors import NasError
from nas.evaluate import evaluator as evaluator_module
from nas.evaluate.evaluation import Bits
from nas.evaluate.trained import load_trained
from nas.search import SearchJob, search
from planner import LookupTable, read_candidates

QUICK = SearchJob(
    num_trials=3, num_threads=1, steps_s=0, trial_s=0.05, front_s=0.5, allow_noisy=True
)


def test_the_table_is_returned_and_written_and_tells_how_it_was_trained(
    own_run: Path, tmp_path: Path
) -> None:
    trained = load_trained(own_run)
    table = search(trained.supernet, trained.data, QUICK, out=tmp_path, trained_in=own_run)
    assert table == LookupTable.read(tmp_path / "search" / "lookup_table.json")
    assert table.provenance["training"] == trained.document["job"]
    assert table.provenance["command"].startswith("search(supernet, data, SearchJob(num_threads=1")
    assert table.supernet["model"] == "wide_resnet"


def test_a_supernet_without_a_run_is_described_by_what_it_is(
    tiny_run: Path, tmp_path: Path
) -> None:
    trained = load_trained(tiny_run)
    table = search(trained.supernet, trained.data, QUICK, out=str(tmp_path))
    assert table.supernet["model"] == "WideResNet"
    assert table.supernet["weights_sha256"] == trained.document["weights_sha256"]
    with pytest.raises(NasError, match="must be the run that this supernet was trained in"):
        search(trained.supernet, trained.data, QUICK, out=tmp_path, trained_in=tmp_path)


def test_a_worker_that_only_scores_has_a_function_of_its_own(
    tiny_run: Path, tmp_path: Path
) -> None:
    trained = load_trained(tiny_run)
    with pytest.raises(NasError, match="call score_for_others instead"):
        search(trained.supernet, trained.data, SearchJob(role="accuracy"), out=tmp_path)


@pytest.mark.slow
def test_a_second_target_scores_nothing_that_the_first_has_scored(
    own_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    scored = list[int]()
    score = evaluator_module._correct

    def counted(*given: Any) -> Bits:
        correct = score(*given)
        scored.append(len(correct))
        return correct

    monkeypatch.setattr(evaluator_module, "_correct", counted)
    job = replace(QUICK, num_trials=4, repeatable=True)
    top1 = {}
    for runtime, num_trials, num_new in (("onnxruntime", 4, 4), ("eager", 5, 1)):
        trained = load_trained(own_run)
        job = replace(job, runtime=runtime, num_trials=num_trials)
        search(trained.supernet, trained.data, job, out=tmp_path / runtime, trained_in=own_run)
        assert sum(scored) == num_new * 5000
        scored.clear()
        found = read_candidates(tmp_path / runtime / "search" / "candidates.csv")
        top1[runtime] = {each.config_id: each.accuracy for each in found}
    assert len(top1["onnxruntime"]) == 4
    assert top1["eager"].items() >= top1["onnxruntime"].items()
    path = own_run / "supernet" / "scores.jsonl"
    assert capsys.readouterr().err.count(f"top-1 of 4 configs is known from {path}\n") == 1
