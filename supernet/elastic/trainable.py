"""Trainable: what a network's parameters and buffers must be, so that training them is right."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils._pytree import tree_leaves

from supernet.elastic.unchanged import INTERNAL
from supernet.errors import ModelError


def check_trainable(model: nn.Module) -> None:
    """Refuse parameters and buffers that a training would get wrong.

    Parameters must have values, be float32 (or integers), have dense gradients and not all be
    frozen; no two tensors may share memory unless they are one. Raises ModelError, which names the
    first that does not fit.
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
    for path, module in model.named_modules():
        if isinstance(module, nn.Embedding | nn.EmbeddingBag) and module.sparse:
            raise ModelError(
                f"every gradient must be dense, but {path} is a layer of sparse ones: "
                "build it with sparse=False"
            )
    registered = [*named, *model.named_buffers()]
    _check_each(registered)
    _check_memory(registered, list(_attributes(model)))


def _attributes(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Tensors that modules hold as plain attributes, in lists and dicts, too."""
    registered = {id(tensor) for tensor in (*model.parameters(), *model.buffers())}
    for path, module in model.named_modules():
        for name in module.__dict__.keys() - INTERNAL:
            for leaf in tree_leaves(module.__dict__[name]):
                if isinstance(leaf, Tensor) and id(leaf) not in registered:
                    registered.add(id(leaf))
                    yield f"{path}.{name}".removeprefix("."), leaf


def _check_each(named: list[tuple[str, Tensor]]) -> None:
    by_id: dict[int, str] = {}
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


def _check_memory(
    registered: list[tuple[str, Tensor]], attributes: list[tuple[str, Tensor]]
) -> None:
    """Mark the bytes of one registered tensor after the other; refuse one that finds a mark.

    Attributes must find none either, but may share memory with each other.
    """
    by_storage: dict[tuple[torch.device, int], list[tuple[str, Tensor]]] = {}
    for name, tensor in (*registered, *attributes):
        if tensor.layout == torch.strided and tensor.numel() and not tensor.is_meta:
            key = tensor.device, tensor.untyped_storage().data_ptr()
            by_storage.setdefault(key, []).append((name, tensor))
    are_registered = {name for name, _ in registered}
    for together in (each for each in by_storage.values() if len(each) > 1):
        marks = torch.zeros(together[0][1].untyped_storage().nbytes(), dtype=torch.bool)
        for i, (name, tensor) in enumerate(together):
            mine = _bytes_of(tensor, marks)
            if mine.any():
                others = ", ".join(other for other, _ in together[:i][:2])
                raise _overlap(name, f"shares memory with {others}")
            if name in are_registered:
                mine.fill_(True)


def _bytes_of(tensor: Tensor, marks: Tensor) -> Tensor:
    """A view of `marks`, one entry for each byte of a storage, of those of a tensor in it."""
    size = tensor.element_size()
    strides = [stride * size for stride in tensor.stride()]
    return marks.as_strided((*tensor.shape, size), (*strides, 1), tensor.storage_offset() * size)


def _overlap(name: str, what: str) -> ModelError:
    return ModelError(
        f"each parameter and buffer must have memory of its own, but {name} {what}: tie layers by "
        "`a.weight = b.weight`, register a .clone(), or compute it in forward"
    )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
