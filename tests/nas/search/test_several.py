"""Several targets at once."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas.conversions import subnet_config
from nas.errors import NasError
from nas.evaluate.trained import load_trained
from nas.search import SearchJob, jobs_by_target, search_targets
from nas.search.__main__ import main
from planner import LookupTable, read_candidates
from planner.book import read_tables

JOB = SearchJob(num_trials=6, num_threads=1, steps_s=0, trial_s=0.05, front_s=0.5, allow_noisy=True)


def test_each_combination_is_a_target_and_the_first_takes_most_candidates() -> None:
    jobs = jobs_by_target(JOB, ["onnxruntime", "eager"], [1, 16])
    assert [*jobs] == ["onnxruntime", "onnxruntime-batch16", "eager", "eager-batch16"]
    assert [job.num_trials for job in jobs.values()] == [6, 2, 2, 2]
    assert jobs["eager-batch16"] == replace(JOB, runtime="eager", batch_size=16, num_trials=2)


def test_targets_that_repeat_or_share_a_storage_are_refused() -> None:
    with pytest.raises(NasError, match="given once, but onnxruntime was given again"):
        jobs_by_target(JOB, [None, "onnxruntime"], [1])
    with pytest.raises(NasError, match="--storage must be of one target, but there are 2"):
        jobs_by_target(replace(JOB, storage="journal:x"), ["eager", None], [1])


def test_a_book_holds_the_tables_in_their_order(
    table: LookupTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, warm_starts = [], []

    def search(_: Any, __: Any, job: SearchJob, **how: Any) -> LookupTable:
        asked.append(how)
        warm_starts.append(job.warm_start)
        return replace(table, target=replace(table.target, runtime=str(job.runtime)))

    monkeypatch.setattr("nas.search.several.search", search)
    names = ("eager", "onnxruntime", "openvino", "inductor")
    jobs = {name: replace(JOB, runtime=name) for name in names}
    jobs["openvino"] = replace(jobs["openvino"], num_trials=1)
    jobs["inductor"] = replace(jobs["inductor"], repeatable=True)
    told = list[str]()
    book = search_targets(
        None,  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]
        jobs,
        out=tmp_path,
        trained_in="somewhere",
        command="search",
        tell=lambda name, _: told.append(name),
    )
    assert asked == [
        {"out": tmp_path / name, "trained_in": "somewhere", "command": "search"} for name in jobs
    ]
    entries = tuple(map(subnet_config, table))
    assert warm_starts == [(), entries, entries[:1], ()]
    assert told == [*jobs]
    assert [each.target.runtime for each in book] == [*jobs]
    assert read_tables(tmp_path / "book.json") == book.tables


@pytest.mark.slow
def test_the_command_searches_for_two_and_scores_what_is_new(
    tiny_run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A candidate that loses its race has an estimate, which depends on the target's rivals.
    without_races = replace(JOB, repeatable=True)
    monkeypatch.setattr("nas.search.__main__.job_from", lambda args: without_races)
    run = Path(shutil.copytree(tiny_run, tmp_path / "run"))
    options = ["--runtime", "onnxruntime", "eager", "--out", str(run)]
    assert main(options) == 0
    out, err = capsys.readouterr()
    assert out.count("candidates; ") == 2
    assert out.endswith(f"written: {run}/book.json, the tables of 2 targets\n")
    assert "top-1 of 6 configs is known" in err
    first, second = (
        {
            each.config_id: each.accuracy
            for each in read_candidates(run / name / "search" / "candidates.csv")
        }
        for name in ("onnxruntime", "eager")
    )
    assert second.items() <= first.items(), "the corners and spread ones come first on both"
    assert len((run / "supernet" / "scores.jsonl").read_text().splitlines()) == 6
    tables = read_tables(run / "book.json")
    assert [each.target.runtime for each in tables] == ["onnxruntime", "eager"]
    assert json.loads((run / "book.json").read_text())["schema_version"] == 1
    before = (run / "onnxruntime" / "search" / "candidates.csv").read_bytes()
    assert main(options) == 0
    assert (run / "onnxruntime" / "search" / "candidates.csv").read_bytes() == before


def test_a_missing_runtime_is_refused_before_anything_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--runtime", "onnxruntime", "toaster", "--out", str(tmp_path / "new")]) == 2
    assert "runtime must be one of" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_a_search_learns_from_what_others_have_scored(
    own_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[Any] = []
    from nas.search.study import Study

    make = Study.__init__

    def noted(self: Study, *args: Any, **how: Any) -> None:
        scored.append(how["scored"])
        make(self, *args, **how)

    monkeypatch.setattr(Study, "__init__", noted)
    trained = load_trained(own_run)
    for name, job in (("one", JOB), ("two", JOB), ("three", replace(JOB, repeatable=True))):
        job = replace(job, num_trials=2)
        search_targets(
            trained.supernet, trained.data, {name: job}, out=tmp_path, trained_in=own_run
        )
    assert scored[0] == {}
    assert {each.config_id for each in scored[1]} == {"w1-r12", "w0.25-r8"}
    assert scored[2] is None
