from typing import Any

import pytest
import torch
from torch import nn

from supernet.elastic.trainable import check_trainable
from supernet.errors import ModelError


def network(**buffers: torch.Tensor) -> Any:
    model = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 1), nn.Linear(8, 4))
    for name, tensor in buffers.items():
        model.register_buffer(name, tensor)
    return model


def refusal(model: nn.Module) -> str:
    with pytest.raises(ModelError) as caught:
        check_trainable(model)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 200
    return str(caught.value)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_parameters_of_another_dtype_are_refused_and_named(dtype: torch.dtype) -> None:
    name = str(dtype).removeprefix("torch.")
    assert f"must be float32, but 0.weight is {name}" in refusal(network().to(dtype))
    mixed = network()
    mixed[2].to(dtype)
    assert f"must be float32, but 2.weight is {name}" in refusal(mixed)


def test_complex_parameters_are_refused_and_named() -> None:
    model = network()
    model.phase = nn.Parameter(torch.ones(3, dtype=torch.complex64))
    assert "must be real, but phase is complex64" in refusal(model)


def test_sparse_embeddings_are_refused_and_named() -> None:
    model = network()
    model.rows = nn.Embedding(4, 8, sparse=True)
    assert "must be dense, but rows is a layer of sparse ones" in refusal(model)


def test_a_network_with_nothing_to_train_is_refused() -> None:
    model = network().requires_grad_(False)
    assert "False for all 6 of them" in refusal(model)
    assert "False for all 0 of them" in refusal(nn.ReLU())
    model[2].bias.requires_grad_(True)
    check_trainable(model)


def test_layers_without_a_shape_are_refused() -> None:
    model = network()
    model[2] = nn.LazyLinear(4)
    assert "2.weight is of a lazy layer" in refusal(model)


def test_shared_tensors_and_integers_are_fine() -> None:
    steps = torch.arange(3)
    model = network(steps=steps, same=steps, empty=torch.empty(0), none=torch.empty(0))
    model[1].weight = nn.Parameter(torch.ones(8, 8, 1, 1))
    model.add_module("again", model[1])
    model.tied = nn.Conv2d(8, 8, 1)
    model.tied.weight = model[1].weight
    check_trainable(model)


def test_tensors_that_lie_apart_in_one_storage_are_fine() -> None:
    flat = torch.zeros(4, 6)
    model = network(left=flat[:, :2], right=flat[:, 2:])
    model.a, model.b = nn.Parameter(flat.new_zeros(4)[:2]), nn.Parameter(flat.new_zeros(4)[2:])
    check_trainable(model)


def test_tensors_that_overlap_are_refused_and_named() -> None:
    model = network()
    model[1].weight = nn.Parameter(torch.ones(8, 8, 1, 1))
    model.tied = nn.Parameter(model[1].weight.data)
    assert "but 1.weight shares memory with tied" in refusal(model)
    del model.tied
    model.register_buffer("column", model[1].weight.data[:, 2])
    assert "but column shares memory with 1.weight" in refusal(model)
    model.column = model[1].weight.detach().view(torch.int32)[0]
    assert "but column shares memory with 1.weight" in refusal(model)


def test_a_parameter_that_is_a_buffer_too_is_refused() -> None:
    model = network()
    model.register_buffer("also", model[0].weight)
    assert "but also is the parameter 0.weight" in refusal(model)


def test_expanded_and_sparse_tensors_are_refused() -> None:
    assert "but mean is an expanded tensor" in refusal(network(mean=torch.ones(1).expand(3)))
    assert "must be dense, but links is" in refusal(network(links=torch.eye(3).to_sparse()))


def test_attributes_that_share_memory_with_a_parameter_are_refused_and_others_fine() -> None:
    grid = torch.ones(4, 4)
    model = network()
    model.grids, model.mask = [grid, grid[:2]], torch.ones(1).expand(3)
    model.weights, model.links = [model[0].weight], torch.eye(3).to_sparse()
    check_trainable(model)
    model.kernels = {"first": model[1].weight.detach()[:1]}
    assert "but kernels shares memory with 1.weight" in refusal(model)
