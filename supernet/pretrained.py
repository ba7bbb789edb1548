"""Weights from a file: safetensors, or a state dict that torch saved; never a pickle of objects."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from supernet.errors import CheckpointError


def load_weights(model: nn.Module, path: Path) -> list[str]:
    """Copy the weights in `path` into `model`; return the names that kept their fresh weights.

    The file must name the model's parameters and buffers. Only those of the last layer may have
    another shape (another number of classes), and then keep what they have. Raises CheckpointError
    where the file cannot be read or does not fit; then the model is as it was.
    """
    tensors, own = _read(path), model.state_dict()
    missing = [name for name in own if name not in tensors and "num_batches_tracked" not in name]
    extra = [name for name in tensors if name not in own]
    if missing or extra:
        raise CheckpointError(
            f"{path} must hold the weights of this model, but "
            f"{len(missing)} are missing ({_first(missing)}) and {len(extra)} are others'"
            f" ({_first(extra)}): choose the --model that they are of"
        )
    other = [name for name in tensors if tensors[name].shape != own[name].shape]
    last_layer = next(reversed(own)).rpartition(".")[0]
    wrong = [name for name in other if name.rpartition(".")[0] != last_layer]
    if wrong:
        name = wrong[0]
        raise CheckpointError(
            f"{path} must fit the model, but {name} is {tuple(tensors[name].shape)} and must be "
            f"{tuple(own[name].shape)}: choose the --model that it is of"
        )
    fitting = {name: tensor for name, tensor in tensors.items() if name not in other}
    model.load_state_dict(fitting, strict=False)
    return other


def _first(names: list[str]) -> str:
    return names[0] if names else "none"


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of a user's file: readers raise nearly anything
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(
            f"{path} must be a safetensors file or a state dict saved by torch, but got: {reason}"
        ) from error
    content = content.get("state_dict", content) if isinstance(content, dict) else content
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        raise CheckpointError(f"{path} must hold a state dict, but holds something else")
    return content
