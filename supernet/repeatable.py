"""Repeatable: whether a network computes the same whatever it ran before.

A subnet is a copy with buffers and attributes of its own, so what its forward pass writes into them
is lost. Statistics may be: training does not use them, and `calibrate_bn` computes them anew.
Anything else that is kept and matters (counters, running means that training uses, codebooks that
follow an average, the vectors of spectral_norm) would make training and evaluation compute two
networks, so such a network is refused. What is the same after each pass, such as a cached grid, or
is not used, such as features kept for a plot, is not.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._pytree import keystr, tree_flatten_with_path, tree_leaves

from supernet.elastic.channels import floating_dtype
from supernet.elastic.unchanged import INTERNAL, NOT_OPENED
from supernet.errors import ModelError, reason_of
from supernet.evaluate.calibration import calibrate_bn
from supernet.seeding import seeded
from supernet.tracing import BATCH_SIZE

OF_BN = ("running_mean", "running_var")
"""Statistics of BN layers: where calibration does not compute them anew, they are not used."""
COUNT = "num_batches_tracked"
"""In any layer, the number of batches in its statistics."""
MAX_DIFFERENCE = 1e-4
"""Above this share of the largest output, a difference is no rounding."""


def check_repeatable(one: nn.Module, other: nn.Module, side: int) -> None:
    """Refuse a network that is not the same when it is built again or has run before.

    `one` and `other` are the network, built twice, with equal weights. They are run on random
    images of 3 channels and `side` pixels, on the CPU, which changes them. Raises ModelError, which
    names what differs or is kept, and where the network cannot be run.
    """
    images, fresh = _images(other, side), _copies(values(other))
    varying = differences(fresh, values(one))
    trained, evaluated, calibrated = _first_passes(one, images)
    _run_otherwise(other, side)
    left = [name for name in differences(values(other), fresh) if name not in calibrated]
    evaluated_later, _ = _evaluated(other, images)
    trained_later = _run(other.train(), images)
    if _alike(evaluated, evaluated_later) and _alike(trained, trained_later):
        return
    if left or not _alike(trained_later, _run(other, images)):
        raise _refusal(left)
    raise ModelError(
        "a network must be the same each time that it is built with the same seed, but "
        f"{next(iter(varying), 'its output')} differs: build it from the factory's arguments alone"
    )


def _first_passes(
    network: nn.Module, images: Tensor
) -> tuple[list[Tensor], list[Tensor], set[str]]:
    """What a fresh network returns in training and in evaluation, and what was calibrated.

    Raises ModelError for what it changes not only the first time that it runs.
    """
    fresh = _copies(values(network))
    trained = _run(network.train(), images)
    try:
        evaluated, calibrated = _evaluated(network, images)
    except ModelError as error:  # some statistics have no value
        held = _copies(values(network))
        _run(network.train(), images)
        changing = differences(values(network), held)
        raise (_refusal(changing) if changing else error) from error
    if changed := differences(values(network), fresh):
        held = _copies(values(network))
        again = _run(network.train(), images)
        _evaluated(network, images)
        now = values(network)
        changing = [name for name in differences(now, held) if name not in calibrated]
        if changing or not _alike(trained, again):
            raise _refusal(changing or changed)
    return trained, evaluated, calibrated


def _evaluated(network: nn.Module, images: Tensor) -> tuple[list[Tensor], set[str]]:
    """What it returns in evaluation mode with calibrated statistics, and the names of these.

    Afterwards the statistics are what they were.
    """
    named = network.named_buffers(remove_duplicate=False)
    before = [(name, buffer, buffer.clone()) for name, buffer in named]
    with seeded(0):
        calibrate_bn(network.eval(), [images])
    changed = [(name, buffer, old) for name, buffer, old in before if not _same(buffer, old)]
    evaluated = _run(network, images)
    for _, buffer, old in changed:
        buffer.copy_(old)
    return evaluated, {name for name, _, _ in changed}


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


def _refusal(names: list[str]) -> ModelError:
    """The refusal of a network that keeps the first of these."""
    what = f"changes {names[0]}" if names else "its output depends on the passes before"
    return ModelError(
        "a forward pass must leave nothing behind but BN statistics (each subnet is a copy), "
        f"but {what}: take that out; running statistics belong in nn.BatchNorm2d"
    )


def values(model: nn.Module) -> dict[str, Any]:
    """The parameters, buffers and attributes that are tensors, numbers or text, by name.

    Without the statistics of BN layers. Those in lists, dicts and objects have names such as
    `layer.seen[2]` and `layer.meter.count`.
    """
    found: dict[str, Any] = {}
    for path, module in model.named_modules():
        left_out = (*OF_BN, COUNT) if isinstance(module, _BatchNorm) else (COUNT,)
        tensors = {**module._parameters, **module._buffers}
        held = {name: tensor for name, tensor in tensors.items() if name not in left_out}
        for name in [name for name in module.__dict__ if name not in INTERNAL]:
            held |= _plain(name, module.__dict__[name], depth=2)
        held |= _in_hooks(module)
        found |= {f"{path}.{name}" if path else name: value for name, value in held.items()}
    return found


def _in_hooks(module: nn.Module) -> Iterator[tuple[str, Any]]:
    """What the hooks of a module's forward pass hold in their closures, by the variable's name."""
    for hook in (*module._forward_pre_hooks.values(), *module._forward_hooks.values()):
        if isinstance(hook, FunctionType):
            for name, cell in zip(hook.__code__.co_freevars, hook.__closure__ or (), strict=True):
                yield from _plain(f"{name} of a hook", cell.cell_contents, depth=2)


def differences(new: dict[str, Any], old: dict[str, Any]) -> list[str]:
    """The names of those of the `values` that are new or others."""
    return [name for name, v in new.items() if name not in old or not _same(v, old[name])]


def _plain(name: str, held: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """The tensors, numbers and text that an attribute holds, also in objects."""
    for place, leaf in tree_flatten_with_path(held)[0]:
        here = name + keystr(place)
        match leaf:
            case torch.Generator():
                yield here, leaf.get_state()
            case random.Random():
                yield here, str(leaf.getstate())
            case np.random.Generator():
                yield here, str(leaf.bit_generator.state)
            case Tensor() | bool() | int() | float() | complex() | str():
                yield here, leaf
            case _ if depth and not isinstance(leaf, NOT_OPENED):
                for attribute, value in getattr(leaf, "__dict__", {}).items():
                    yield from _plain(f"{here}.{attribute}", value, depth - 1)


def _copies(held: dict[str, Any]) -> dict[str, Any]:
    return {n: v.detach().clone() if isinstance(v, Tensor) else v for n, v in held.items()}


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        return torch.equal(one, other) or bool(
            ((one == other) | ((one != one) & (other != other))).all()
        )
    return type(one) is type(other) and bool(one == other or (one != one and other != other))


def _alike(one: list[Tensor], other: list[Tensor]) -> bool:
    """Whether outputs are the same up to rounding."""
    return len(one) == len(other) and all(map(_close, one, other))


def _close(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype or not one.is_floating_point():
        return _same(one, other)
    largest = float(one.nan_to_num().abs().max()) if one.numel() else 0.0
    return torch.allclose(one, other, rtol=0, atol=MAX_DIFFERENCE * largest, equal_nan=True)


def _run(network: nn.Module, images: Tensor) -> list[Tensor]:
    try:
        with seeded(0), torch.set_grad_enabled(network.training), _seeds_only():
            leaves = tree_leaves(network(images.clone()))
    except ModelError:
        raise
    except Exception as error:  # a user's network may raise anything
        mode = "training" if network.training else "evaluation"
        raise ModelError(
            f"the network must run on images {tuple(images.shape[1:])} in {mode} mode on the CPU, "
            f"but got: {reason_of(error)}"
        ) from error
    return [leaf.detach().clone() for leaf in leaves if isinstance(leaf, Tensor)]


@contextmanager
def _seeds_only() -> Iterator[None]:
    """Within `with`, the system's random numbers, which no seed repeats, are a ModelError.

    Python's SystemRandom and secrets take them, and numpy's generators that are given no seed.
    """

    def refuse(_: int) -> bytes:
        raise ModelError(
            "a network must draw from generators that are seeded, but its forward pass draws from "
            "the system's: use torch.rand, random.random or np.random.rand"
        )

    with patch("random._urandom", refuse), patch("os.urandom", refuse):
        yield


def _images(network: nn.Module, side: int, seed: int = 0) -> Tensor:
    shape = (BATCH_SIZE, 3, side, side)
    images = torch.randn(shape, generator=_generator(seed), dtype=floating_dtype(network))
    return images.contiguous(memory_format=torch.channels_last)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
