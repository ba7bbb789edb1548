"""Roundtrip: before a training, whether what it will store can be loaded again."""

import json
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from supernet.errors import CheckpointError, ModelError, SupernetError, reason_of
from supernet.job.training_job import TrainingJob
from supernet.models import build_model
from supernet.repeatable import check_repeatable, differences
from supernet.weights import Weights, put_weights, weights_of


def check_roundtrip(model: nn.Module, job: TrainingJob, num_classes: int) -> None:
    """Store and load the weights of `model`, in memory, as `load_supernet` does, and compare.

    The network is built again, twice, all its tensors are overwritten, and the stored weights are
    put into it. Then names, shapes, dtypes and values must be equal, and what both networks compute
    of the same images, also after other passes (see `check_repeatable`). `model` itself is not run.

    Raises CheckpointError where something is not stored or does not load, and ModelError where the
    network is another one each time that it is built, or a pass leaves something behind.
    """
    try:
        weights = weights_of(model)
        stored = _stored_and_loaded(weights)  # first: networks may share buffers, as constants
        one, other = (_rebuilt(model, stored, job, num_classes) for _ in range(2))
        for rebuilt in (one, other):
            _check_equal(weights, weights_of(rebuilt), model, rebuilt)
    except SupernetError:
        raise
    except Exception as error:  # a module that stores or loads its own state may raise anything
        raise CheckpointError(
            f"the weights of {job.model} must load as they are saved, but got: "
            f"{type(error).__name__}: {reason_of(error)}"
        ) from error
    check_repeatable(one, other, min(job.space.resolutions))


def _rebuilt(model: nn.Module, stored: Weights, job: TrainingJob, num_classes: int) -> nn.Module:
    rebuilt = build_model(job.model, num_classes, job.model_options, seed=job.seed)
    _check_structure(model, rebuilt)
    _overwrite(rebuilt)
    put_weights(rebuilt, stored)
    return rebuilt


def _stored_and_loaded(weights: Weights) -> Weights:
    extra_state, metadata = json.loads(_as_text(weights))
    return Weights(tensors=load(save(weights.tensors)), extra_state=extra_state, metadata=metadata)


def _as_text(weights: Weights) -> str:
    return json.dumps([weights.extra_state, weights.metadata])


def _check_structure(model: nn.Module, rebuilt: nn.Module) -> None:
    memory = {parameter.data_ptr() for parameter in model.parameters()} - {0}
    if any(parameter.data_ptr() in memory for parameter in rebuilt.parameters()):
        raise ModelError("a factory must return a new network each time: build its layers inside")
    mine, theirs = _structure(model), _structure(rebuilt)
    for name in differences(mine, theirs) + differences(theirs, mine):
        raise ModelError(
            "a network must be the same each time that it is built with the same seed, but "
            f"{name} is {mine.get(name, 'missing')} and then {theirs.get(name, 'missing')}: "
            "build it from the factory's arguments alone"
        )


def _structure(model: nn.Module) -> dict[str, str]:
    """For each module its class, for each parameter and buffer its shape and dtype."""
    found = {
        path: type(module).__name__
        for path, module in model.named_modules(remove_duplicate=False)
        if path
    }
    named: list[tuple[str, Tensor]] = [
        *model.named_parameters(remove_duplicate=False),
        *model.named_buffers(remove_duplicate=False),
    ]
    return found | {name: f"{tuple(t.shape)} {str(t.dtype)[6:]}" for name, t in named}


@torch.no_grad()
def _overwrite(model: nn.Module) -> None:
    """Set each entry of all parameters and stored buffers to another value than it has."""
    stored = model.state_dict(keep_vars=True).values()
    tensors = [value for value in stored if isinstance(value, Tensor)]
    for tensor in {id(each): each for each in (*tensors, *model.parameters())}.values():
        tensor.copy_(tensor == 0)


def _check_equal(mine: Weights, theirs: Weights, model: nn.Module, rebuilt: nn.Module) -> None:
    of_model: dict[str, Any] = {**mine.tensors, **dict(model.named_parameters())}
    of_rebuilt: dict[str, Any] = {**theirs.tensors, **dict(rebuilt.named_parameters())}
    lost = differences(of_model, of_rebuilt) + differences(of_rebuilt, of_model)
    if _as_text(mine) != _as_text(theirs):
        lost.append("what get_extra_state returns")
    if lost:
        raise CheckpointError(
            f"the weights of a network must load as they are saved, but {lost[0]} does not: "
            "let state_dict and load_state_dict keep all of it"
        )
