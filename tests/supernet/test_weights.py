"""What of a network is stored, on networks whose state dicts are more than distinct tensors."""

import json
import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from supernet.errors import CheckpointError
from supernet.models import build_model
from supernet.weights import Weights, put_weights, weights_of


def aliased() -> nn.Module:
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    model.add_module("same", model[0])
    return model


def tied_layers() -> nn.Module:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    return model


def backbone_beside_its_children() -> nn.Module:
    model = nn.Module()
    model.backbone = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    model.features = nn.Sequential(*model.backbone.children())
    return model


def tied_buffers() -> nn.Module:
    model = nn.Sequential(nn.BatchNorm1d(3), nn.BatchNorm1d(3))
    model[1].running_mean = model[0].running_mean
    return model


SHARING = {
    aliased: (["0.weight", "0.bias"], 7),
    tied_layers: (["0.weight", "0.bias", "1.bias"], 3),
    backbone_beside_its_children: (["backbone.0.weight", "backbone.0.bias"], 7),
    tied_buffers: (["0.weight", "0.bias", "0.running_mean"], 9),
}


def through_a_file(weights: Weights) -> Weights:
    extra_state, metadata = json.loads(json.dumps([weights.extra_state, weights.metadata]))
    return Weights(tensors=load(save(weights.tensors)), extra_state=extra_state, metadata=metadata)


@pytest.mark.parametrize("build", SHARING)
def test_a_shared_tensor_is_stored_once_and_loads_shared(build: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    model, other = build(), build()
    first, num_stored = SHARING[build]
    weights = through_a_file(weights_of(model))
    assert list(weights_of(model).tensors)[: len(first)] == first
    assert len(weights.tensors) == num_stored
    put_weights(other, weights)
    for name, tensor in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor), name
    assert len(list(other.parameters())) == len(list(model.parameters()))


def test_a_file_with_all_names_of_a_shared_tensor_loads_too() -> None:
    model, other = tied_layers(), tied_layers()
    tensors = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    put_weights(other, Weights(tensors=tensors))
    assert torch.equal(other.state_dict()["1.weight"], model.state_dict()["0.weight"])


def test_tensors_that_are_apart_in_one_storage_are_stored_apart() -> None:
    flat = torch.arange(6.0)
    model = nn.Module()
    model.a, model.b = nn.Parameter(flat[:2]), nn.Parameter(flat[2:])
    tensors = load(save(weights_of(model).tensors))
    assert tensors["a"].tolist() == [0, 1]
    assert tensors["b"].tolist() == [2, 3, 4, 5]


class Extra(nn.Module):
    def __init__(self, held: Any = None) -> None:
        super().__init__()
        self.held = held

    def get_extra_state(self) -> Any:
        return self.held

    def set_extra_state(self, state: Any) -> None:
        self.held = state


@pytest.mark.parametrize(
    "held",
    [
        *(7, 0.5, "text", None, True, [], {}, (1, [2, (3,)])),
        {"a": 1, 2: None, (3, "b"): [True, {"c": -1.5}], None: ()},
        math.inf,
    ],
)
def test_extra_state_comes_back_as_it_was(held: Any) -> None:
    model = nn.Sequential(Extra(held), nn.Linear(2, 2))
    other: Any = nn.Sequential(Extra("another"), nn.Linear(2, 2))
    put_weights(other, through_a_file(weights_of(model)))
    assert other[0].held == held
    assert type(other[0].held) is type(held)


def test_extra_state_may_hold_tensors() -> None:
    held = OrderedDict(step=3, means=[torch.ones(2), torch.arange(3)], last=(torch.zeros(()),))
    weights = weights_of(nn.Sequential(Extra(held), Extra(torch.full((2,), 5))))
    other: Any = nn.Sequential(Extra(), Extra())
    put_weights(other, through_a_file(weights))
    assert other[0].held["step"] == 3
    assert [mean.tolist() for mean in other[0].held["means"]] == [[1, 1], [0, 1, 2]]
    assert other[0].held["last"][0].shape == ()
    assert other[1].held.tolist() == [5, 5]


@pytest.mark.parametrize("held", [b"bytes", {1, 2}, object(), [object()], {"a": {"b": len}}])
def test_extra_state_that_cannot_be_stored_is_one_clear_line(held: Any) -> None:
    with pytest.raises(CheckpointError, match=r"0\._extra_state .* let get_extra_state") as caught:
        weights_of(nn.Sequential(Extra(held)))
    assert "\n" not in str(caught.value)


class Versioned(nn.Module):
    _version = 3

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))
        self.loaded: Any = None

    def _load_from_state_dict(
        self, state: dict[str, Any], prefix: str, metadata: dict[str, Any], *rest: Any
    ) -> None:
        self.loaded = metadata.get("version")
        super()._load_from_state_dict(state, prefix, metadata, *rest)


def test_modules_are_told_the_version_that_was_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = through_a_file(weights_of(nn.Sequential(Versioned(), nn.BatchNorm1d(2))))
    assert weights.metadata == {"0": {"version": 3}}  # torch's own layers say it of themselves
    monkeypatch.setattr(Versioned, "_version", 4)
    later: Any = nn.Sequential(Versioned(), nn.BatchNorm1d(2))
    put_weights(later, weights)
    assert later[0].loaded == 3
    put_weights(later, Weights(tensors=weights.tensors))  # of a file that does not say
    assert later[0].loaded == 4


def test_mnasnet_which_loads_only_with_its_version_loads() -> None:
    model, other = (build_model("mnasnet0_5", 3) for _ in range(2))
    put_weights(other, through_a_file(weights_of(model)))
    assert all(map(torch.equal, model.state_dict().values(), other.state_dict().values()))


def test_ordinary_networks_are_stored_as_their_state_dict() -> None:
    model = build_model("resnet18", 3)
    weights = weights_of(model)
    assert weights.extra_state == {}
    assert weights.metadata == {}
    state = model.state_dict()
    assert list(weights.tensors) == list(state)
    assert all(map(torch.equal, weights.tensors.values(), state.values()))
