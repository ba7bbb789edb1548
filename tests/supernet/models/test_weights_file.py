import argparse
import datetime
import io
import pickle
import warnings
from collections import Counter, defaultdict
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
import torch
from safetensors.torch import save_file

from supernet.errors import CheckpointError
from supernet.models.weights_file import Ignored, read_weights_file

WEIGHTS = {"weight": torch.arange(4.0)}


@pytest.mark.parametrize(
    "value",
    [
        argparse.Namespace(lr=0.1, out=Path("runs"), nested=argparse.Namespace(a=[1])),
        SimpleNamespace(a=1),
        Path("runs"),
        PureWindowsPath("C:/runs"),
        datetime.datetime(2026, 1, 1),
        datetime.timedelta(days=1),
        numpy.float64(0.5),
        numpy.int64(3),
        numpy.arange(3),
        torch.__version__,
    ],
    ids=lambda value: type(value).__name__,
)
def test_plain_objects_beside_weights_are_dropped(value: Any, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"model": WEIGHTS, "other": value}, path)
    content = read_weights_file(path)
    assert torch.equal(content["model"]["weight"], WEIGHTS["weight"])
    assert type(content["other"]) is Ignored


def test_containers_of_the_standard_library_are_read(tmp_path: Path) -> None:
    path, by_name = tmp_path / "weights.pt", defaultdict(list, losses=[0.5])
    torch.save({"model": WEIGHTS, "seen": by_name, "counts": Counter("aab")}, path)
    content = read_weights_file(path)
    assert content["seen"] == {"losses": [0.5]}
    assert content["counts"] == {"a": 2, "b": 1}


class Telling:
    """Were it unpickled, a file would be there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("is_zip", [True, False])
def test_no_code_that_a_file_names_is_run(is_zip: bool, tmp_path: Path) -> None:
    path, evidence = tmp_path / "weights.pt", tmp_path / "unpickled"
    content = {"model": WEIGHTS, "hook": Telling(evidence)}
    torch.save(content, path, _use_new_zipfile_serialization=is_zip)
    with pytest.raises(CheckpointError, match="never unpickled: save model") as caught:
        read_weights_file(path)
    assert "\n" not in str(caught.value)
    assert not evidence.exists()
    pickle.loads(pickle.dumps(Telling(evidence)))
    assert evidence.exists()


def test_safetensors_are_known_by_their_content(tmp_path: Path) -> None:
    save_file(WEIGHTS, tmp_path / "pytorch_model.bin")
    torch.save(WEIGHTS, tmp_path / "model.safetensors")
    for path in tmp_path.iterdir():
        assert torch.equal(read_weights_file(path)["weight"], WEIGHTS["weight"])


def test_scripted_networks_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(scripted())
    with pytest.raises(CheckpointError, match="never unpickled: save model") as caught:
        read_weights_file(path)
    assert "\n" not in str(caught.value)


def scripted() -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)), file)
    return file.getvalue()


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_truncated_files_are_refused_in_one_line(suffix: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    weights = {"weight": torch.ones(1000)}
    save_file(weights, path) if suffix == ".safetensors" else torch.save(weights, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match="is damaged or holds other objects") as caught:
        read_weights_file(path)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="must be a readable file"):
        read_weights_file(tmp_path)
