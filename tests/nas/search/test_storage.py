import multiprocessing
import sqlite3
from contextlib import closing
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from nas.errors import StudyError
from nas.search.storage import open_study
from planner import Target


def open_at(url: str, **belongs_to: object) -> int:
    study = open_study(url, objectives={"top1": "maximize"}, belongs_to=belongs_to)
    assert study.metric_names == ["top1"]
    study.tell(study.ask(), 1.0)
    return len(study.trials)


@pytest.mark.parametrize("prefix", ["sqlite:///", "journal:"])
def test_a_study_is_opened_as_it_was_left(prefix: str, tmp_path: Path) -> None:
    url = f"{prefix}{tmp_path / 'study'}"
    assert [open_at(url, weights="abc") for _ in range(3)] == [1, 2, 3]


def test_a_study_of_something_else_is_refused(tmp_path: Path) -> None:
    url = f"journal:{tmp_path / 'study'}"
    open_at(url, weights="abc")
    with pytest.raises(StudyError, match="weights was abc, is def"):
        open_at(url, weights="def")


def target(**details: str) -> dict[str, object]:
    return Target(
        device="AMD EPYC",
        runtime="onnxruntime",
        runtime_version="1",
        batch_size=1,
        dtype="float32",
        num_threads=1,
        details=details,
        observed={"cpu_mhz": len(details)},
    ).to_json()


def test_another_processor_of_the_same_name_is_refused_by_what_it_lacks(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study'}"
    here = target(instruction_sets="avx2 avx512f")
    assert [open_at(url, target=each) for each in (here, here | {"observed": {}})] == [1, 2]
    with pytest.raises(StudyError) as caught:
        open_at(url, target=target(instruction_sets="avx2"))
    assert "the target has changed (instruction_sets: without avx512f); choose" in str(caught.value)


def test_a_study_that_does_not_say_its_target_is_refused(tmp_path: Path) -> None:
    url = f"journal:{tmp_path / 'study'}"
    open_at(url, target="5a" * 32)
    with pytest.raises(StudyError, match="does not say which target it belongs to"):
        open_at(url, target=target())


def test_what_cannot_be_opened_is_told_in_one_line_without_the_password() -> None:
    with pytest.raises(StudyError, match="must be an Optuna storage") as caught:
        open_at("postgresql+pg8000://me:secret@localhost:1/none")
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "me@localhost" in str(caught.value)


NUM_AT_ONCE, NUM_ROUNDS = 3, 6


def open_together(folder: str, barrier: Barrier, found: "Queue[str]") -> None:
    for number in range(NUM_ROUNDS):
        barrier.wait(timeout=60)
        try:
            open_at(f"sqlite:///{folder}/{number}.db", weights="abc")
        except Exception as error:
            found.put(repr(error))
    found.put("done")


@pytest.mark.slow
def test_processes_that_make_one_study_at_once_all_join_it(tmp_path: Path) -> None:
    """SQLite's tables are made one by one, so that each sees some of another's."""
    context = multiprocessing.get_context("spawn")
    barrier, found = context.Barrier(NUM_AT_ONCE), context.Queue()
    arguments = (str(tmp_path), barrier, found)
    processes = [context.Process(target=open_together, args=arguments) for _ in range(NUM_AT_ONCE)]
    for process in processes:
        process.start()
    reports: list[str] = []
    while reports.count("done") < NUM_AT_ONCE:
        reports.append(found.get(timeout=120))
    for process in processes:
        process.join()
    assert reports == ["done"] * NUM_AT_ONCE
    for number in range(NUM_ROUNDS):
        assert open_at(f"sqlite:///{tmp_path}/{number}.db", weights="abc") == NUM_AT_ONCE + 1


def test_what_stays_locked_is_told_and_nobody_is_advised_to_delete_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.search.storage.PATIENCE_S", 0.0)
    path = tmp_path / "study.db"
    open_at(f"sqlite:///{path}", weights="abc")
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StudyError, match="locked") as caught:
            open_at(f"sqlite:///{path}?timeout=0.1", weights="abc")
    assert "delete" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "reason"),
    [("grpc://localhost", "must read like grpc://host:13000"), ("grpc://localhost:1", "timeout")],
)
def test_a_grpc_server_that_does_not_answer_is_one_line(
    url: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.search.storage.SERVER_S", 0.2)
    with pytest.raises(StudyError, match=reason):
        open_at(url)
