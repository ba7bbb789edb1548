"""Weights: what of a network is stored. Each tensor once, and JSON for what is no tensor.

A state dict holds more than distinct tensors: one tensor under several names (tied layers, a module
in two places), the values of `get_extra_state`, and in its `_metadata` a version for each module,
without which some networks cannot be loaded. safetensors stores distinct tensors and text.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from supernet.errors import CheckpointError

DEFAULT_METADATA = {"version": 1}
"""What a state dict's `_metadata` says of a module that says nothing of itself."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The state of a network, as files hold it."""

    tensors: dict[str, Tensor]
    """Detached, contiguous; each under the first of its names in the state dict."""
    extra_state: dict[str, Any] = field(default_factory=dict)
    """For each entry of the state dict that is no tensor: JSON that stands for it."""
    metadata: dict[str, Any] | None = None
    """`_metadata` of the state dict by module, without entries that follow from the modules;
    None: not known (files of earlier versions), taken from the network that they are put into."""


def weights_of(model: nn.Module) -> Weights:
    """The state of `model`.

    Tensors are the model's own where these are contiguous and lie apart. Raises CheckpointError
    where the state dict holds what is neither tensor nor made of JSON's values and tensors.
    """
    tensors: dict[str, Tensor] = {}
    extra_state: dict[str, Any] = {}
    state = model.state_dict(keep_vars=True)  # else each name has a tensor object of its own
    first = first_names(state)
    for name, value in state.items():
        if not isinstance(value, Tensor):
            extra_state[name] = _encode(name, value, tensors)
        elif first[name] == name:
            tensors[name] = value
    return Weights(
        tensors=_apart(tensors), extra_state=extra_state, metadata=_notable(model, state)
    )


def put_weights(model: nn.Module, weights: Weights) -> None:
    """Load `weights` into a network of the same structure. Mutates `model`.

    Raises what `load_state_dict` raises where they do not fit: RuntimeError, and in modules that
    load their own state anything.
    """
    state = whole_state(weights.tensors, weights.extra_state)
    for name, first in first_names(model.state_dict(keep_vars=True)).items():
        if first in state:
            state.setdefault(name, state[first])
    state._metadata = _all_metadata(model, weights.metadata)  # type: ignore[attr-defined]
    model.load_state_dict(state)


def whole_state(
    tensors: Mapping[str, Tensor], extra_state: Mapping[str, Any]
) -> OrderedDict[str, Any]:
    """The state dict that was stored as these; see `Weights`. Aliases are missing."""
    parts = dict(tensors)
    state = OrderedDict((name, _decode(value, parts)) for name, value in extra_state.items())
    state.update(parts)
    return state


def first_names(state: Mapping[str, Any]) -> dict[str, str]:
    """For each tensor in a state dict (made with `keep_vars`): the first of its names."""
    first: dict[int, str] = {}
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    return {name: first.setdefault(id(tensor), name) for name, tensor in tensors.items()}


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Detached and contiguous; a copy of each that shares memory with one before it."""
    apart, seen = {}, set()
    for name, tensor in tensors.items():
        plain = tensor.detach().contiguous()
        memory = plain.device, plain.untyped_storage().data_ptr()
        if memory in seen and plain.numel():
            plain = plain.clone()
        seen.add(memory)
        apart[name] = plain
    return apart


def _encode(name: str, value: Any, tensors: dict[str, Tensor]) -> Any:
    """JSON for a value made of dicts, lists, tuples, tensors, numbers, text and None.

    Each container is {"dict": [[key, value], ...]}, {"list": [...]} or {"tuple": [...]}, since JSON
    has text as keys and no tuples. A tensor is {"tensor": NAME} and goes into `tensors`.
    """

    def encoded(part: Any) -> Any:
        if isinstance(part, Tensor):
            key = name if part is value else f"{name}.{len(tensors)}"
            tensors[key] = part
            return {"tensor": key}
        if type(part) in (dict, OrderedDict):
            return {"dict": [[encoded(key), encoded(item)] for key, item in part.items()]}
        if type(part) in (list, tuple):
            return {type(part).__name__: [encoded(item) for item in part]}
        if part is None or type(part) in (bool, int, float, str):
            return part
        raise CheckpointError(
            f"{name} in the model's state dict must be tensors, numbers, text, lists and dicts, "
            f"but holds {type(part).__name__}: let get_extra_state return those"
        )

    return encoded(value)


def _decode(value: Any, tensors: dict[str, Tensor]) -> Any:
    """The inverse of `_encode`; takes the value's tensors out of `tensors`."""
    if not isinstance(value, dict):
        return value
    ((kind, part),) = value.items()
    if kind == "tensor":
        return tensors.pop(part)
    if kind == "dict":
        return {_decode(key, tensors): _decode(item, tensors) for key, item in part}
    items = [_decode(item, tensors) for item in part]
    return tuple(items) if kind == "tuple" else items


def _notable(model: nn.Module, state: Any) -> dict[str, Any]:
    """The entries of `_metadata` that a fresh network would not have anyway."""
    metadata = getattr(state, "_metadata", {})
    usual = _usual_metadata(model)
    return {path: entry for path, entry in metadata.items() if entry != usual.get(path)}


def _all_metadata(model: nn.Module, notable: dict[str, Any] | None) -> dict[str, Any]:
    if notable is None:
        return dict(getattr(model.state_dict(), "_metadata", {}))
    return _usual_metadata(model) | notable


def _usual_metadata(model: nn.Module) -> dict[str, dict[str, Any]]:
    """Of torch's own layers their version today, of all other modules the first version."""
    named = model.named_modules(remove_duplicate=False)
    return {
        path: {"version": type(module)._version}
        if type(module).__module__.startswith("torch.nn.")
        else DEFAULT_METADATA
        for path, module in named
    }
