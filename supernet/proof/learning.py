"""Learning: what a network computes of some images, and the gradients that its parameters get."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from supernet.elastic.unchanged import unchanged
from supernet.seeding import seeded
from supernet.tracing import find_tensors

Inputs = tuple[Tensor, ...]
TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-3}
"""Largest difference relative to the largest value, by precision.

A fault is a thousand times as large. float64 rounds to 1e-16, which ill-conditioned networks (BN
over a few nearly equal values) were seen to amplify by 1e5; in float32 that would be 5 %.
"""
NOISE = 1e-3
"""A gradient this much smaller than that of the whole network, times `TOLERANCE`, is rounding."""


@dataclass(frozen=True, kw_only=True)
class Learned:
    """Outputs, and gradients by the parameter's name; None where there is none."""

    outputs: list[Tensor]
    gradients: dict[str, Tensor | None]


def learn(
    network: nn.Module,
    inputs: Inputs,
    named: Mapping[str, Tensor],
    logits_of: Callable[[Any], Any] = lambda output: output,
) -> Learned:
    """Run `network`, and differentiate a random sum of its outputs by the tensors `named`."""
    with seeded(0), unchanged(network):  # what one run caches, another must not find
        outputs = list(find_tensors(logits_of(network(*inputs))).values())
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros((), dtype=torch.float64, device=inputs[0].device)
    for output in outputs:
        if output.is_floating_point() and output.requires_grad:
            weights = torch.randn(output.shape, generator=generator, dtype=torch.float64)
            total = total + (output.double() * weights.to(output.device)).sum()
    wanted = {name: tensor for name, tensor in named.items() if tensor.requires_grad}
    found: tuple[Tensor | None, ...] = (None,) * len(wanted)
    if total.requires_grad and wanted:
        found = torch.autograd.grad(total, list(wanted.values()), allow_unused=True)
    return Learned(
        outputs=[output.detach() for output in outputs],
        gradients=dict(zip(wanted, found, strict=True)),
    )


def difference(one: Learned, other: Learned, dtype: torch.dtype) -> str | None:
    """In what `one` differs from `other` by more than rounding; None: in nothing."""
    tolerance = TOLERANCE[dtype]
    if [x.shape for x in one.outputs] != [x.shape for x in other.outputs]:
        return "outputs of other shapes"
    for mine, theirs in zip(one.outputs, other.outputs, strict=True):
        apart = _apart(mine, theirs)
        if not apart <= tolerance * _largest(theirs):
            return f"outputs that differ by {apart / (_largest(theirs) or 1.0):.2g} of the largest"
    if dtype != torch.float64:
        return None  # one rounded zero at a ReLU, and gradients differ by percents
    largest = max((_largest(g) for g in other.gradients.values() if g is not None), default=0.0)
    for name, theirs_or_none in other.gradients.items():
        mine_or_none = one.gradients[name]
        if mine_or_none is None and theirs_or_none is None:
            continue
        mine = torch.zeros(()) if mine_or_none is None else mine_or_none
        theirs = torch.zeros(()) if theirs_or_none is None else theirs_or_none
        apart = _apart(mine, theirs)
        if not apart <= tolerance * (_largest(theirs) + NOISE * largest):
            share = apart / (_largest(theirs) or 1.0)
            return f"a gradient of {name} that differs by {share:.2g} of the largest"
    return None


def _apart(one: Tensor, other: Tensor) -> float:
    """The largest difference; 0 where there are no entries. Equal infinities do not differ."""
    if not one.numel():
        return 0.0
    same = one == other
    return float(torch.where(same, 0.0, (one.double() - other.double()).abs()).max())


def _largest(tensor: Tensor) -> float:
    return float(tensor.double().abs().max()) if tensor.numel() else 0.0
