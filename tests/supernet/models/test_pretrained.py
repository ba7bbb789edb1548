import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from supernet.checkpoint import write_tensors
from supernet.errors import CheckpointError
from supernet.models import build_model, mobilenet_v2
from supernet.models.pretrained import load_weights
from supernet.weights import weights_of


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


class TwoHeads(nn.Module):
    """A network with an auxiliary classifier, before the last one or after it."""

    def __init__(self, num_classes: int, num_channels: int = 8, *, last: str = "head") -> None:
        super().__init__()
        layers = {
            "body": nn.Sequential(nn.Conv2d(3, num_channels, 1), nn.BatchNorm2d(num_channels)),
            "side": nn.Sequential(nn.Linear(num_channels, 6), nn.Linear(6, num_classes)),
            "head": nn.Linear(num_channels, num_classes),
        }
        for name in sorted(layers, key=lambda name: (name == last, name)):
            self.add_module(name, layers[name])


@pytest.mark.parametrize("last", ["head", "side", "body"])
def test_all_heads_for_another_number_of_classes_stay_fresh_and_are_named(
    last: str, tmp_path: Path
) -> None:
    path, source, model = tmp_path / "weights.pt", TwoHeads(1000, last=last), TwoHeads(4, last=last)
    torch.save(source.state_dict(), path)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    fresh = load_weights(model, path)
    assert sorted(fresh) == ["head.bias", "head.weight", "side.1.bias", "side.1.weight"]
    for name, parameter in model.named_parameters():
        expected = before[name] if name in fresh else source.get_parameter(name)
        assert torch.equal(parameter, expected), name


def test_other_sizes_than_those_of_heads_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(TwoHeads(1000, num_channels=16).state_dict(), path)
    with pytest.raises(
        CheckpointError, match=r"but body\.0\.weight is \(16, 3, 1, 1\) and must be"
    ):
        load_weights(TwoHeads(4), path)
    uneven: Any = TwoHeads(1000)
    uneven.side[1] = nn.Linear(6, 500)
    torch.save(uneven.state_dict(), path)
    with pytest.raises(CheckpointError, match=r"but side\.1\.weight is"):
        load_weights(TwoHeads(4), path)


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_networks_with_auxiliary_heads_take_weights_for_other_classes(
    name: str, tmp_path: Path
) -> None:
    path, options = tmp_path / "weights.pt", {"init_weights": False}
    torch.save(build_model(name, 1000, options).state_dict(), path)
    fresh = load_weights(build_model(name, 4, options), path)
    heads = {"googlenet": {"aux1.fc2", "aux2.fc2", "fc"}, "inception_v3": {"AuxLogits.fc", "fc"}}
    assert {each.rpartition(".")[0] for each in fresh} == heads[name]


def test_a_densenet_loads_by_its_published_names(tmp_path: Path) -> None:
    path, source, model = tmp_path / "weights.pt", *(build_model("densenet121", 4) for _ in "12")
    layer = re.compile(r"(denselayer\d+\.(?:norm|conv))([12]\.)")
    state = {layer.sub(r"\1.\2", name): value for name, value in source.state_dict().items()}
    state = {name: value for name, value in state.items() if "num_batches_tracked" not in name}
    assert "features.denseblock1.denselayer1.norm.1.running_mean" in state
    torch.save(state, path)
    assert load_weights(model, path) == []
    assert all(map(torch.equal, model.parameters(), source.parameters()))


def test_a_network_that_asks_for_its_version_gets_that_of_the_file_or_its_own(
    tmp_path: Path,
) -> None:
    source, model = build_model("mnasnet0_5", 4), build_model("mnasnet0_5", 4)
    torch.save(source.state_dict(), tmp_path / "weights.pt")
    save_file(source.state_dict(), tmp_path / "weights.safetensors")
    for path in tmp_path.iterdir():
        assert load_weights(model, path) == []
        assert torch.equal(model.state_dict()["classifier.1.bias"], source.classifier[1].bias)  # type: ignore[index, union-attr]


def test_a_file_may_hold_a_shared_tensor_under_one_of_its_names(tmp_path: Path) -> None:
    source, model, path = network(), network(), tmp_path / "weights.safetensors"
    for each in (source, model):
        each.add_module("again", each[3])  # type: ignore[index]
    state = source.state_dict()
    save_file({name: t for name, t in state.items() if not name.startswith("3.")}, path)
    assert load_weights(model, path) == []
    assert all(map(torch.equal, model.parameters(), source.parameters()))


def test_extra_state_in_a_file_is_loaded_and_need_not_be_there(tmp_path: Path) -> None:
    class Noted(nn.Linear):
        note = "fresh"

        def get_extra_state(self) -> str:
            return self.note

        def set_extra_state(self, state: str) -> None:
            self.note = state

    source, model, path = Noted(2, 2), Noted(2, 2), tmp_path / "weights.pt"
    source.note = "of the file"
    state = source.state_dict()
    torch.save({name: state[name] for name in ("weight", "bias")}, path)
    assert load_weights(model, path) == []
    assert model.note == "fresh"
    torch.save(state, path)
    assert load_weights(model, path) == []
    assert model.note == "of the file"


def test_weights_of_a_run_are_a_file_of_weights(tmp_path: Path) -> None:
    class Noted(nn.Linear):
        note: Any = None

        def get_extra_state(self) -> Any:
            return self.note

        def set_extra_state(self, state: Any) -> None:
            self.note = state

    source, model, path = Noted(2, 2), Noted(2, 2), tmp_path / "weights.safetensors"
    source.note = {"sizes": (1, 2), "means": torch.ones(2)}
    weights = weights_of(source)
    write_tensors(path, weights.tensors, {"extra_state": weights.extra_state})
    assert load_weights(model, path) == []
    assert torch.equal(model.weight, source.weight)
    assert model.note["sizes"] == (1, 2)
    assert model.note["means"].tolist() == [1, 1]


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
