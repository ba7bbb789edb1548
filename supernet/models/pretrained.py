"""Weights from a file: safetensors, or a state dict saved by torch; never pickled objects."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from supernet.errors import CheckpointError

PREFIX = "module."
"""Prefix that DistributedDataParallel gives all names."""


def load_weights(model: nn.Module, path: Path) -> list[str]:
    """Load the weights in `path` into `model`; return the names that kept their initial weights.

    The file must name the model's parameters and buffers. Only those of the last layer may have
    another shape (another number of classes); they keep their initial weights. Raises
    CheckpointError, without changing the model, if the file cannot be read or does not fit.
    """
    tensors, own = _read(path), model.state_dict()
    missing = [name for name in own if name not in tensors and "num_batches_tracked" not in name]
    extra = [name for name in tensors if name not in own]
    if missing or extra:
        raise CheckpointError(
            f"{path} must hold the weights of this model, but "
            f"{len(missing)} are missing ({_first(missing)}) and {len(extra)} are unexpected"
            f" ({_first(extra)}): choose the --model that they belong to"
        )
    other = [name for name in tensors if tensors[name].shape != own[name].shape]
    last_layer = next(reversed(own)).rpartition(".")[0]
    wrong = [name for name in other if name.rpartition(".")[0] != last_layer]
    if wrong:
        name = wrong[0]
        raise CheckpointError(
            f"{path} must fit the model, but {name} is {tuple(tensors[name].shape)} and must be "
            f"{tuple(own[name].shape)}: choose the --model that it belongs to"
        )
    fitting = {name: tensor for name, tensor in tensors.items() if name not in other}
    model.load_state_dict(fitting, strict=False)
    return other


def _first(names: list[str]) -> str:
    return names[0] if names else "none"


def _read(path: Path) -> Mapping[str, Tensor]:
    content: Any
    try:
        if path.suffix == ".safetensors":
            content = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path} must be a readable file, but {error}") from error
    except Exception as error:  # readers raise nearly anything on a damaged file
        raise CheckpointError(
            f"{path} must be a safetensors file or a state dict saved by torch, but is damaged or "
            "holds other objects, which are never unpickled: save model.state_dict()"
        ) from error
    for key in ("state_dict", "model"):  # keys under which many training scripts save it
        content = content.get(key, content) if isinstance(content, dict) else content
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        raise CheckpointError(f"{path} must hold a state dict, but holds something else")
    wrapped = all(name.startswith(PREFIX) for name in content)
    return {name.removeprefix(PREFIX) if wrapped else name: t for name, t in content.items()}
