"""The search from Python; what the command does with it is in test___main__.py."""

from pathlib import Path

import pytest

from nas.errors import NasError
from nas.evaluate.trained import load_trained
from nas.search import SearchJob, search
from planner import LookupTable

QUICK = SearchJob(num_trials=3, num_threads=1, trial_s=0.05, front_s=0.5, allow_noisy=True)


def test_the_table_is_returned_and_written_and_tells_how_it_was_trained(
    tiny_run: Path, tmp_path: Path
) -> None:
    trained = load_trained(tiny_run)
    table = search(trained.supernet, trained.data, QUICK, out=tmp_path, trained_in=tiny_run)
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
