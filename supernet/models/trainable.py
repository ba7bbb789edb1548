"""Trainable: what a network's parameters and buffers must be, so that training them is right."""

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from supernet.errors import ModelError


def check_trainable(model: nn.Module) -> None:
    """Refuse parameters and buffers that a training would get wrong.

    Parameters must have values, be float32 (or integers) and not all be frozen; no two tensors may
    share memory unless they are one. Raises ModelError, which names the first that does not fit.
    """
    named = list(model.named_parameters())
    for name, parameter in named:
        if is_lazy(parameter):
            raise ModelError(
                f"parameters must have their shape before training, but {name} is of a lazy layer: "
                "run the network once in its factory, or use a layer of given size"
            )
        if parameter.dtype.is_complex:
            raise ModelError(
                f"parameters must be real, but {name} is {_name(parameter.dtype)}: "
                "store its real and imaginary parts (torch.view_as_real), or use another --model"
            )
        if parameter.dtype.is_floating_point and parameter.dtype != torch.float32:
            raise ModelError(
                f"parameters must be float32, but {name} is {_name(parameter.dtype)}: return "
                "model.float() from its factory; --set dtype=bfloat16 computes in less precision"
            )
    if not any(parameter.requires_grad for _, parameter in named):
        raise ModelError(
            "a network must have parameters that are trained, but requires_grad is False for all "
            f"{len(named)} of them: leave some of them unfrozen"
        )
    _check_memory([*named, *model.named_buffers()])


def _check_memory(named: list[tuple[str, Tensor]]) -> None:
    """Refuse tensors that overlap; one tensor under several names is fine, if all are alike."""
    by_id: dict[int, str] = {}
    by_storage: dict[tuple[torch.device, int], list[tuple[str, Tensor]]] = {}
    for name, tensor in named:
        if (other := by_id.setdefault(id(tensor), name)) != name:
            raise _overlap(name, f"is the parameter {other}")
        if tensor.layout != torch.strided:
            raise ModelError(
                f"parameters and buffers must be dense, but {name} is {tensor.layout}: "
                "register its .to_dense(), or its indices and values"
            )
        if any(s == 0 and n > 1 for s, n in zip(tensor.stride(), tensor.shape, strict=True)):
            raise _overlap(name, "is an expanded tensor, whose entries share memory")
        if tensor.numel() and not tensor.is_meta:
            storage = tensor.untyped_storage()
            by_storage.setdefault((tensor.device, storage.data_ptr()), []).append((name, tensor))
    for together in by_storage.values():
        if len(together) > 1:
            _check_storage(together)


def _check_storage(named: list[tuple[str, Tensor]]) -> None:
    """Mark the bytes of one tensor after the other; refuse one that finds a mark."""
    marks = torch.zeros(named[0][1].untyped_storage().nbytes(), dtype=torch.bool)
    for i, (name, tensor) in enumerate(named):
        size = tensor.element_size()
        mine = marks.as_strided(
            (*tensor.shape, size),
            (*(stride * size for stride in tensor.stride()), 1),
            tensor.storage_offset() * size,
        )
        if mine.any():
            others = ", ".join(other for other, _ in named[:i][:2])
            raise _overlap(name, f"shares memory with {others}")
        mine.fill_(True)


def _overlap(name: str, what: str) -> ModelError:
    return ModelError(
        f"each parameter and buffer must have memory of its own, but {name} {what}: tie layers by "
        "`a.weight = b.weight`, register a .clone(), or compute it in forward"
    )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
