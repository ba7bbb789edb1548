import json
from pathlib import Path

import pytest

from benchmarks.search import storage_speed
from benchmarks.search.storage_speed import lines, measure, measured
from benchmarks.search.storage_worker import open_study, work


def test_a_worker_completes_trials_that_hold_an_evaluation(tmp_path: Path) -> None:
    study = open_study(f"journal:{tmp_path}/log")
    num_done = work(study, 0.3)
    assert num_done > 0
    assert len(study.candidates()) == num_done


@pytest.mark.slow
def test_two_processes_share_a_journal_file() -> None:
    found = measured("journal file", 2, 1.0)
    assert len(found["num_trials"]) == 2
    assert min(found["num_trials"]) > 0
    assert found["trials_per_s"] == sum(found["num_trials"])


def test_what_is_known_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def counted(name: str, num_workers: int, seconds: float) -> dict[str, object]:
        asked.append(name)
        if name == "PostgreSQL" and len(asked) == 3:
            raise KeyboardInterrupt
        return {"trials_per_s": 12.0, "seconds": seconds, "num_workers": num_workers}

    monkeypatch.setattr(storage_speed, "measured", counted)
    monkeypatch.setattr(storage_speed, "RESULT", tmp_path / "result.json")
    monkeypatch.setattr(storage_speed, "postgresql_programs", lambda: [Path("pg_ctl")])
    with pytest.raises(KeyboardInterrupt):
        measure(1.0)
    assert [*json.loads((tmp_path / "result.json").read_text())["storages"]] == asked[:2]
    measure(1.0)
    assert asked[3:] == ["PostgreSQL", "gRPC before PostgreSQL"]
    measure(1.0)
    assert len(asked) == 5
    measure(1.0, again=True)
    assert len(asked) == 9


def test_the_table_says_how_many_workers_a_storage_bears() -> None:
    rates = {"SQLite": 31.4, "PostgreSQL": 120.0, "journal file": 0.7}
    found = lines(
        {
            "storages": {name: {"trials_per_s": rate} for name, rate in rates.items()},
            "environment": {"cpu": "a box"},
        }
    )
    assert found == [
        "| storage | trials a second, 4 workers | workers, 1 s an evaluation "
        "| workers, 10 s an evaluation |",
        "|---|---:|---:|---:|",
        "| SQLite | 31.4 | 10 | 100 |",
        "| PostgreSQL | 120.0 | 60 | 600 |",
        "| journal file | 0.7 | 0 | 3 |",
        "",
        "a box; 4 processes on its cores.",
        "",
    ]
