from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from supernet.errors import CheckpointError
from supernet.models import mobilenet_v2
from supernet.models.pretrained import load_weights


def network(num_classes: int = 4) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(32, num_classes)
    )


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_weights_carry_over_bit_for_bit(tmp_path: Path, suffix: str) -> None:
    source, path = network(), tmp_path / f"weights{suffix}"
    if suffix == ".pt":
        torch.save(source.state_dict(), path)
    else:
        save_file(source.state_dict(), path)
    model = network()
    assert load_weights(model, path) == []
    for name, tensor in source.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)


@pytest.mark.parametrize("key", ["state_dict", "model"])
def test_what_training_scripts_put_around_a_state_dict_is_taken_off(
    key: str, tmp_path: Path
) -> None:
    source, model, path = network(), network(), tmp_path / "weights.pt"
    wrapped = {f"module.{name}": tensor for name, tensor in source.state_dict().items()}
    torch.save({key: wrapped, "epoch": 3}, path)
    assert load_weights(model, path) == []
    assert torch.equal(model.state_dict()["0.weight"], source.state_dict()["0.weight"])


def test_another_number_of_classes_keeps_the_fresh_last_layer(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(network(1000).state_dict(), path)
    assert load_weights(network(4), path) == ["3.bias", "3.weight"]


def test_another_networks_weights_are_refused(tmp_path: Path) -> None:
    path, model = tmp_path / "weights.safetensors", network()
    save_file(mobilenet_v2(4).state_dict(), path)
    with pytest.raises(CheckpointError, match="are missing") as caught:
        load_weights(model, path)
    assert "\n" not in str(caught.value)


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_weights(network(), path)
    return str(caught.value)


def test_a_pickle_of_objects_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(network(), path)
    assert refusal(path) == (
        f"{path} must be a safetensors file or a state dict saved by torch, but is damaged or "
        "holds other objects, which are never unpickled: save model.state_dict()"
    )


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_a_file_of_something_else_is_one_clear_line(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_text("hello")
    assert "is damaged or holds other objects" in refusal(path)
    torch.save([1, 2], tmp_path / "list.pt")
    assert refusal(tmp_path / "list.pt").endswith(
        "must hold a state dict, but holds something else"
    )


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_a_file_that_is_not_there_is_one_clear_line(suffix: str, tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / f"no{suffix}")
