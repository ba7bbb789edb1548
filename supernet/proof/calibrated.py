"""Statistics: what BN calibration leaves in a network, against moments of the layers' inputs."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from supernet.evaluate.calibration import calibrate_bn
from supernet.seeding import seeded


@torch.no_grad()
def wrong_statistics(network: nn.Module, images: Tensor, tolerance: float) -> str | None:
    """Calibrate `network` on `images`; what is wrong with its buffers then, None: nothing.

    They must be finite, and those of torch's own BN layers the mean and the population variance of
    what the layer took in a pass in which it normalised by its batch.
    """
    with seeded(0):
        calibrate_bn(network.eval(), [images])
    for name, buffer in network.named_buffers():
        if buffer.is_floating_point() and not buffer.isfinite().all():
            return f"{name} is not finite"
    layers = {
        path: layer
        for path, layer in network.named_modules()
        if isinstance(layer, _BatchNorm) and layer.running_mean is not None
    }
    calibrated = {path: _statistics(layer) for path, layer in layers.items()}
    taken = _taken(network, layers, images)
    for path, values in taken.items():
        flat = torch.cat([x.transpose(0, 1).flatten(1) for x in values], dim=1)
        mean, variance = flat.mean(1), flat.var(1, correction=0)
        if flat.shape[1] < 2:
            continue
        scale = math.sqrt(float(variance.max() + mean.square().max()))
        for what, got, expected, bound in (
            ("mean", calibrated[path][0], mean, scale),
            ("variance", calibrated[path][1], variance, scale**2),
        ):
            if not (got - expected).abs().max() <= tolerance * bound:
                return f"the {what} of {path} is not that of its inputs"
    return None


def _statistics(layer: Any) -> tuple[Tensor, Tensor]:
    return layer.running_mean.clone(), layer.running_var.clone()


def _taken(
    network: nn.Module, layers: dict[str, _BatchNorm], images: Tensor
) -> dict[str, list[Tensor]]:
    """What each BN layer takes, while BN alone is in training mode; changes the statistics."""
    taken: dict[str, list[Tensor]] = {}

    def note(path: str) -> Any:
        return lambda layer, args: taken.setdefault(path, []).append(args[0].clone())

    hooks = [layer.register_forward_pre_hook(note(path)) for path, layer in layers.items()]
    try:
        with seeded(0):
            only_bn_in_training(network)(images)
    finally:
        for hook in hooks:
            hook.remove()
    return taken


def only_bn_in_training(network: nn.Module) -> nn.Module:
    """Put BN into training mode and all else into eval mode; return `network`."""
    network.eval()
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.train()
    return network
