import json
import shlex

from nas.search.arguments import search_parser
from nas.search.provenance import provenance

DOCUMENT = {
    "job": {"model": "wide_resnet", "hyperparameters": {"lr": 0.1}, "seed": 3},
    "data": {"splits": {"train": {"num_images": 1, "sha256": "ab"}}},
    "versions": {"torch": "2.0"},
}
URL = "postgresql://me:secret@host/db"
ARGV = ["--storage", URL, "--trials", "9", "--out", "runs/a b"]


def test_it_holds_all_that_another_run_needs() -> None:
    found = provenance(DOCUMENT, search_parser().parse_args(ARGV), ARGV)
    assert found["training"] == DOCUMENT["job"]
    assert found["data"] == DOCUMENT["data"]
    assert found["versions"]["training torch"] == "2.0"
    search = found["search"]
    assert (search["trials"], search["seed"], search["sampler"]) == (9, 0, "guide")
    assert search["out"] == "runs/a b"
    assert json.loads(json.dumps(found)) == found


def test_the_command_can_be_typed_again() -> None:
    argv = ["--out", "runs/a b", "--seed", "4"]
    found = provenance(DOCUMENT, search_parser().parse_args(argv), argv)
    assert shlex.split(found["command"]) == ["python", "-m", "nas.search", *argv]


def test_passwords_are_left_out() -> None:
    for argv in (ARGV, [f"--storage={URL}"]):
        found = provenance(DOCUMENT, search_parser().parse_args(argv), argv)
        assert "secret" not in json.dumps(found)
        assert "postgresql://me@host/db" in found["command"]
