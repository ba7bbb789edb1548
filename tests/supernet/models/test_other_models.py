from pathlib import Path

import pytest
import torch
from torch import nn

from supernet.errors import CheckpointError
from supernet.models import build_model
from supernet.models.other_models import model_of
from supernet.models.pretrained import load_weights
from supernet.models.registry import OWN


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2", "squeezenet1_1"])
@pytest.mark.parametrize("num_classes", [1000, 7])
def test_weights_tell_whose_they_are(name: str, num_classes: int) -> None:
    state = build_model(name, num_classes).state_dict()
    wrapped = {"model": {f"module.{key}": value for key, value in state.items()}}
    for content in (state, wrapped):
        assert model_of(content, Path(f"{name}-0123abcd.pth")) == name
    assert (model_of(state, Path("best.pth")) == name) == (name in OWN)


def test_weights_of_no_known_network_are_nobodys() -> None:
    assert model_of(nn.Linear(3, 4).state_dict(), Path("resnet18-1.pth")) is None
    assert model_of([], Path("..")) is None


def test_a_refusal_names_the_network_that_fits(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(build_model("mobilenet_v2", 1000).state_dict(), path)
    with pytest.raises(
        CheckpointError, match=r": they fit --model mobilenet_v2 without --model-args$"
    ):
        load_weights(build_model("mobilenet_v1", 3), path)
    with pytest.raises(CheckpointError, match=r": choose the --model and --model-args"):
        load_weights(build_model("mobilenet_v1", 3), _other(tmp_path))


def _other(folder: Path) -> Path:
    path = folder / "other.pth"
    torch.save(nn.Linear(3, 4).state_dict(), path)
    return path
