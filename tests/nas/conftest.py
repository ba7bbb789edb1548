"""A trained run, small enough for tests: real images, real weights, 3 seconds."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nas.runtimes.from_pixels import INPUT_FORM
from planner import Candidate, Entry, LookupTable, Preprocessing, Target
from supernet import Hyperparameters, SearchSpace, TrainingJob
from supernet.checkpoint import is_finished
from supernet.data import Data
from supernet.data.sources import load_embedded
from supernet.train.training import train


@pytest.fixture(autouse=True, scope="module")
def settled_process() -> Iterator[None]:
    """PyTorch has as many threads after a file's tests, some of which set it, as before."""
    num_threads = torch.get_num_threads()
    yield
    torch.set_num_threads(num_threads)


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained supernet and nothing else, to be read only.

    The processes of pytest-xdist share it: the first to need it trains it.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    run = folder / "tiny_run"
    hyper = Hyperparameters(batch_size=500, lr=0.2, weight_decay=0.0, warmup_fraction=0.2)
    job = TrainingJob(
        model_options={"depth": 10, "widen": 1, "stem_stride": 2},
        space=SearchSpace(resolutions=(12, 8)),
        hyperparameters=hyper,
        epochs=2,
    )
    with (folder / "tiny_run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_finished(run):
            train(job, run)
    return run


def contents(folder: Path) -> dict[str, int]:
    """The size in bytes of each file in a folder."""
    return {str(path): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(autouse=True)
def shared_run_stays_as_it_is(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that writes into `tiny_run` fails: what it leaves there, others would find."""
    if "tiny_run" not in request.fixturenames:
        yield
        return
    run = request.getfixturevalue("tiny_run")
    before = contents(run)
    yield
    assert contents(run) == before, "tiny_run is to be read only: take own_run, a copy"


@pytest.fixture
def own_run(tiny_run: Path, tmp_path: Path) -> Path:
    """A copy of the tiny run, for a search, say, that keeps its scores there."""
    return Path(shutil.copytree(tiny_run, tmp_path / "tiny_run"))


@pytest.fixture(scope="session")
def few_to_score() -> Data:
    """The images of `tiny_run`, but of `selection` and `report` a fifth: 1,000 each."""
    whole = load_embedded()
    few = {split: part[::5] for split, part in whole.official.items() if split != "train"}
    return Data(replace(whole, official={**whole.official, **few}), resolution=12, seed=0)


def candidate(config_id: str, origin: str, top1: float, latency: float) -> Candidate:
    return Candidate.from_values(
        config_id=config_id,
        origin=origin,
        width_mults=(0.5,),
        resolution=8,
        top1=top1,
        top1_low=top1 - 0.02,
        top1_high=top1 + 0.01,
        macs=2_500_000,
        num_params=1000,
        latency_p50_ms=latency,
        latency_p90_ms=latency * 2,
        latency_p99_ms=latency * 3,
        latency_p50_low_ms=latency * 0.9,
        latency_p50_high_ms=latency * 1.2,
        num_samples=100,
        kind="measured",
    )


@pytest.fixture
def candidates() -> list[Candidate]:
    return [
        candidate("w0.5-r8", "grid", 0.8, 1.0),
        candidate("w1-r8", "grid", 0.9, 4.0),
        candidate("w0.6-r8", "search", 0.7, 2.0),
    ]


def table_of(entries: tuple[Entry, ...], weights_sha256: str) -> LookupTable:
    return LookupTable(
        supernet={
            "model": "wide_resnet",
            "data": "fashion-mnist-mini",
            "weights_sha256": weights_sha256,
            "class_names": [f"class {index}" for index in range(10)],
            "normalisation": {"mean": [0.3], "std": [0.3]},
            "preprocessing": Preprocessing(crop_resolution=12).to_json(),
            "seed": 0,
            "recipe": {},
            "groups": [{"layers": ["stem"], "num_channels": 16}],
        },
        target=Target(
            device="a box",
            runtime="onnxruntime",
            runtime_version="1",
            batch_size=1,
            dtype="float32",
            num_threads=1,
            details={"input": INPUT_FORM},
        ),
        protocol={"noise_floor": 0.013, "num_rounds": 8, "num_samples": 10, "warmup": 6},
        splits={"train": 1, "calibration": 1, "selection": 1, "report": 5000},
        provenance={"versions": {}, "command": "pytest", "created_utc": "2026-01-01T00:00:00"},
        entries=entries,
    )


@pytest.fixture
def table(candidates: list[Candidate]) -> LookupTable:
    entries = tuple(
        Entry(**vars(each), top1_selection=each.accuracy.top1) for each in candidates[:2]
    )
    return table_of(entries, "0" * 64)


@pytest.fixture(scope="session")
def run_with_table(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny run with a table of two of its subnets; the numbers in it are made up."""
    run = tmp_path_factory.mktemp("with_table") / "run"
    shutil.copytree(tiny_run, run)
    document = json.loads((run / "supernet" / "supernet.json").read_text())
    fast = candidate("w0.25-r8", "grid", 0.5, 1.0).with_values(width_mults=(0.25,))
    best = candidate("w1-r12", "grid", 0.6, 2.0)
    best = best.with_values(width_mults=(1.0,), resolution=12)
    entries = tuple(Entry(**vars(each), top1_selection=each.accuracy.top1) for each in (fast, best))
    (run / "search").mkdir()
    table_of(entries, document["weights_sha256"]).write(run / "search" / "lookup_table.json")
    return run
