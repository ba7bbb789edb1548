import json
from pathlib import Path

from nas.search.job import SearchJob
from nas.search.provenance import provenance
from nas.search.steps import Steps
from supernet import SubnetConfig

DOCUMENT = {
    "job": {"model": "wide_resnet", "hyperparameters": {"lr": 0.1}, "seed": 3},
    "data": {"splits": {"train": {"num_images": 1, "sha256": "ab"}}},
    "versions": {"torch": "2.0"},
}
URL = "postgresql://me:secret@host/db"
JOB = SearchJob(
    storage=URL,
    num_trials=9,
    warm_start=(SubnetConfig(width_mults=(0.5,), resolution=24),),
)
STEPS = Steps(widths=((0.5, 1.0),), resolutions=(16, 24))
OUT = Path("runs/a b")
DEVICES = [{"host": "pi", "num_candidates": 9, "correction": 1.0}]


def test_it_holds_all_that_another_run_needs() -> None:
    found = provenance(DOCUMENT, JOB, OUT, "python -m nas.search --trials 9", STEPS, DEVICES)
    assert found["training"] == DOCUMENT["job"]
    assert found["data"] == DOCUMENT["data"]
    assert found["versions"]["training torch"] == "2.0"
    assert found["command"] == "python -m nas.search --trials 9"
    search = found["search"]
    assert (search["num_trials"], search["seed"], search["sampler"]) == (9, 0, "guide")
    assert search["out"] == "runs/a b"
    assert search["warm_start"] == ["w0.5-r24"]
    assert found["steps"] == {"widths": [[0.5, 1.0]], "resolutions": [16, 24]}
    assert found["devices"] == DEVICES
    assert json.loads(json.dumps(found)) == found


def test_a_search_from_python_is_recorded_as_its_call() -> None:
    found = provenance(DOCUMENT, SearchJob(num_trials=9, seed=4), OUT, None, STEPS, DEVICES)
    expected = "search(supernet, data, SearchJob(num_trials=9, seed=4), out='runs/a b')"
    assert found["command"] == expected


def test_passwords_are_left_out() -> None:
    for command in (f"nas.search --storage {URL}", f"nas.search --storage={URL}", None):
        found = provenance(DOCUMENT, JOB, OUT, command, STEPS, DEVICES)
        assert "secret" not in json.dumps(found)
        assert "postgresql://me@host/db" in found["command"]
