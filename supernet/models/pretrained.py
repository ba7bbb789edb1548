"""Weights from a file: safetensors, or a state dict saved by torch; never pickled objects."""

import json
import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

from supernet.errors import CheckpointError, reason_of
from supernet.weights import first_names, whole_state

PREFIX = "module."
"""Prefix that DistributedDataParallel gives all names."""
EXTRA_STATE = "_extra_state"
"""End of the names of what `get_extra_state` returned, which need not be tensors."""
FORMER_NAME = re.compile(
    r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.(?:weight|bias|running_mean|running_var))$"
)
"""Names in torchvision's published DenseNets: a dot that today's have no longer."""


def load_weights(model: nn.Module, path: Path) -> list[str]:
    """Load the weights in `path` into `model`; return the names that kept their initial weights.

    The file must name the model's parameters and buffers. Those of the last layer may have another
    shape, and those of other heads (auxiliary classifiers) as many outputs more or fewer: they are
    for another number of classes and keep their initial weights. Raises CheckpointError, without
    changing the model, if the file cannot be read or does not fit.
    """
    content = _read(path)
    own = model.state_dict(keep_vars=True)
    tensors = _renamed(content, own)
    first = first_names(own)
    known = {first.get(name, name) for name in tensors}
    missing = [n for n in own if first.get(n, n) not in known and not _is_optional(n)]
    extra = [name for name in tensors if name not in own]
    if missing or extra:
        raise CheckpointError(
            f"{path} must hold the weights of this model, but "
            f"{len(missing)} are missing ({_first(missing)}) and {len(extra)} are unexpected"
            f" ({_first(extra)}): choose the --model and --model-args that they belong to"
        )
    shaped = [name for name in tensors if not name.endswith(EXTRA_STATE)]
    other = [name for name in shaped if _shape(tensors[name]) != _shape(own[name])]
    if wrong := _not_of_heads(other, tensors, own):
        raise CheckpointError(
            f"{path} must fit the model, but {wrong} is {_shape(tensors[wrong])} and must be "
            f"{_shape(own[wrong])}: choose the --model and --model-args that it belongs to"
        )
    fitting = OrderedDict((name, value) for name, value in tensors.items() if name not in other)
    # Some networks load only what says which version of them it is of.
    versions = getattr(content, "_metadata", None) or getattr(model.state_dict(), "_metadata", {})
    fitting._metadata = versions  # type: ignore[attr-defined]
    try:
        model.load_state_dict(fitting, strict=False)
    except Exception as error:  # a module that loads its own state may raise anything
        raise CheckpointError(
            f"{path} must load into the model, but got: {reason_of(error)}"
        ) from error
    return other


def _renamed(content: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """With today's names where a file has those that its network's layers had before."""
    todays = {name: FORMER_NAME.sub(r"\1\2", name) for name in content if name not in own}
    renamed = {name: today for name, today in todays.items() if today in own}
    return {renamed.get(name, name): value for name, value in content.items()}


def _is_optional(name: str) -> bool:
    """Whether files may lack it: counts of BN's batches, and what is no tensor."""
    return "num_batches_tracked" in name or name.endswith(EXTRA_STATE)


def _shape(value: Any) -> tuple[int, ...] | None:
    return tuple(value.shape) if isinstance(value, Tensor) else None


def _not_of_heads(
    names: list[str], tensors: Mapping[str, Any], own: Mapping[str, Any]
) -> str | None:
    """The first of `names` that is no parameter of a classifier for other classes.

    Classifiers are the last layer, and layers whose number of outputs, their tensors' first
    dimension, alone differs: in the same way for all of them.
    """
    changes = {}
    for name in names:
        there, here = _shape(tensors[name]), _shape(own[name])
        if there and here and there[1:] == here[1:]:
            changes[name] = there[0], here[0]
    alike = len(set(changes.values())) == 1
    last_layer = list(own)[-1].rpartition(".")[0]
    others = (name for name in names if name.rpartition(".")[0] != last_layer)
    return next((name for name in others if name not in changes or not alike), None)


def _first(names: list[str]) -> str:
    return names[0] if names else "none"


def _read(path: Path) -> dict[str, Any]:
    content: Any
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                note = json.loads((file.metadata() or {}).get("note", "{}"))
            content = whole_state(load_file(path), note.get("extra_state", {}))
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
    if not isinstance(content, dict) or not all(map(_is_state, content, content.values())):
        raise CheckpointError(f"{path} must hold a state dict, but holds something else")
    if all(name.startswith(PREFIX) for name in content):
        consume_prefix_in_state_dict_if_present(content, PREFIX)
    return content


def _is_state(name: Any, value: Any) -> bool:
    return isinstance(name, str) and (isinstance(value, Tensor) or name.endswith(EXTRA_STATE))
