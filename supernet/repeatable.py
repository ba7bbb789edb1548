"""Repeatable: whether a network computes the same whatever it ran before.

A subnet is a copy with buffers and attributes of its own, so what its forward pass writes into them
is lost. BN statistics may be: training does not use them, and `calibrate_bn` computes them anew.
Anything else that is kept and matters (counters, running means that training uses, codebooks that
follow an average, the vectors of spectral_norm) would make training and evaluation compute two
networks, so such a network is refused. What is the same after each pass, such as a cached grid, or
is not used, such as features kept for a plot, is not.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import keystr, tree_flatten_with_path, tree_leaves

from supernet.elastic.channels import floating_dtype
from supernet.elastic.unchanged import INTERNAL, NOT_OPENED
from supernet.errors import ModelError
from supernet.evaluate.calibration import calibrate_bn
from supernet.seeding import seeded
from supernet.tracing import BATCH_SIZE

COUNT = "num_batches_tracked"
"""Counts the batches of BN's statistics; nothing else uses it."""
MAX_DIFFERENCE = 1e-4
"""Above this share of the largest output, a difference is no rounding."""

Outputs = dict[str, list[Tensor]]
"""Tensors that a network returned in "train" and "eval" mode."""


def check_repeatable(one: nn.Module, other: nn.Module, side: int) -> None:
    """Refuse a network that is not the same when it is built again or has run before.

    `one` and `other` are the network, built twice, with equal weights. They are run on random
    images of 3 channels and `side` pixels, on the CPU, which may change them. Raises ModelError,
    which names what differs or is kept, and where the network cannot be run.
    """
    fresh = values(other)
    varying = first_difference(fresh, values(one))
    before, held = _outputs(one, side), values(one)
    _run_otherwise(other, side)
    after, found = _outputs(other, side), values(other)
    written = first_difference({n: v for n, v in found.items() if _is_noted(n)}, fresh)
    if written is not None:
        again, changing = _outputs(other, side), first_difference(values(other), found)
        if changing is not None or _differ(after, again):
            _refuse(changing or written)
    kept = first_difference(found, held)
    if _differ(before, after, exact=kept is not None):
        if kept == varying and not _differ(after, _outputs(other, side)):
            raise ModelError(
                "a network must be the same each time that it is built with the same seed, but "
                f"{varying or 'its output'} differs: build it from the factory's arguments alone"
            )
        _refuse(kept or written)


def _is_noted(name: str) -> bool:
    """Whether a value of that name is not one of BN's statistics."""
    return name.rpartition(".")[2] not in ("running_mean", "running_var")


def _run_otherwise(network: nn.Module, side: int) -> None:
    """Run in training mode, with other images and for the time other weights."""
    weights = [(p, p.detach().clone()) for p in network.parameters() if p.is_floating_point()]
    with torch.no_grad():
        for parameter, _ in weights:
            parameter.mul_(1 + 0.2 * torch.randn(parameter.shape, generator=_generator(1)))
    _run(network.train(), _images(network, side, seed=1))
    with torch.no_grad():
        for parameter, value in weights:
            parameter.copy_(value)


def _refuse(name: str | None) -> None:
    what = f"changes {name}" if name else "its output depends on the passes before"
    raise ModelError(
        "a forward pass must leave nothing behind but BN statistics (each subnet is a copy), "
        f"but {what}: take that out; running statistics belong in nn.BatchNorm2d"
    )


def values(model: nn.Module) -> dict[str, Any]:
    """Copies of parameters, buffers and attributes that are tensors, numbers or text, by name.

    Those in lists, dicts and objects have names such as `layer.seen[2]` and `layer.meter.count`.
    """
    found: dict[str, Any] = {}
    for path, module in model.named_modules():
        tensors = {**module._parameters, **module._buffers}
        held = {name: _copy(tensor) for name, tensor in tensors.items() if name != COUNT}
        for name in [name for name in module.__dict__ if name not in INTERNAL]:
            held |= _plain(name, module.__dict__[name], depth=2)
        found |= {f"{path}.{name}" if path else name: value for name, value in held.items()}
    return found


def first_difference(new: dict[str, Any], old: dict[str, Any]) -> str | None:
    """The name of the first of the `values` that is new or another one; None: there is none."""
    return next((k for k, value in new.items() if k not in old or not _same(value, old[k])), None)


def _plain(name: str, held: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Copies of the tensors, numbers and text that an attribute holds, also in objects."""
    for place, leaf in tree_flatten_with_path(held)[0]:
        here = name + keystr(place)
        if isinstance(leaf, torch.Generator):
            yield here, leaf.get_state()
        elif isinstance(leaf, Tensor | bool | int | float | complex | str):
            yield here, _copy(leaf)
        elif depth and not isinstance(leaf, NOT_OPENED):
            for attribute, value in getattr(leaf, "__dict__", {}).items():
                yield from _plain(f"{here}.{attribute}", value, depth - 1)


def _copy(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        return torch.equal(one, other) or bool(
            ((one == other) | ((one != one) & (other != other))).all()
        )
    return type(one) is type(other) and bool(one == other or (one != one and other != other))


def _differ(one: Outputs, other: Outputs, *, exact: bool = False) -> bool:
    """Whether outputs of the modes in both differ, by more than rounding unless `exact`."""
    return any(
        len(one[mode]) != len(other[mode])
        or not all(map(_same if exact else _close, one[mode], other[mode]))
        for mode in one.keys() & other.keys()
    )


def _close(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype or not one.is_floating_point():
        return _same(one, other)
    largest = float(one.nan_to_num().abs().max()) if one.numel() else 0.0
    return torch.allclose(one, other, rtol=0, atol=MAX_DIFFERENCE * largest, equal_nan=True)


def _outputs(network: nn.Module, side: int) -> Outputs:
    """What a network computes of the same images in training, and calibrated in evaluation mode."""
    images = _images(network, side)
    train = _run(network.train(), images)
    with seeded(0):
        calibrate_bn(network.eval(), [images])
    return {"train": train, "eval": _run(network, images)}


def _run(network: nn.Module, images: Tensor) -> list[Tensor]:
    try:
        with seeded(0), torch.set_grad_enabled(network.training):
            leaves = tree_leaves(network(images.clone()))
    except Exception as error:  # a user's network may raise anything
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        mode = "training" if network.training else "evaluation"
        raise ModelError(
            f"the network must run on images {tuple(images.shape[1:])} in {mode} mode on the CPU, "
            f"but got: {reason}"
        ) from error
    return [leaf.detach().clone() for leaf in leaves if isinstance(leaf, Tensor)]


def _images(network: nn.Module, side: int, seed: int = 0) -> Tensor:
    shape = (BATCH_SIZE, 3, side, side)
    images = torch.randn(shape, generator=_generator(seed), dtype=floating_dtype(network))
    return images.contiguous(memory_format=torch.channels_last)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
