"""Self-test: what a training checks on its own network before the first step, in under 2 s.

A fault here would not stop the training: it would end with "trained" and other weights than the job
asks for.
"""

import sys

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._pytree import tree_leaves

from supernet.elastic.channels import floating_dtype
from supernet.elastic.requirements import require_constant_parameters
from supernet.elastic.supernet import Supernet
from supernet.errors import ModelError, SupernetError, reason_of
from supernet.evaluate.calibration import calibrate_bn
from supernet.seeding import own_generators, seed_generators
from supernet.space import SubnetConfig

NUM_IMAGES = 4
NUM_TRIALS = 5
"""Forward passes in which a layer that is skipped at random may run once."""


def self_test(
    supernet: Supernet, num_classes: int, dtype: str = "float32", *, quiet: bool = False
) -> None:
    """Try on a few random images what the training is going to do, with autocast to `dtype`.

    Gradients are finite, also those of the narrowest subnet, and its BN statistics can be
    calibrated. That these are the right ones, `supernet.proof` shows.

    Trainable parameters without any gradient are named in one line on stderr, unless `quiet`.
    Neither weights, buffers, gradients, modes nor the global generators change. Raises ModelError.
    """
    training = supernet.training
    with own_generators():
        try:
            seed_generators(0)
            images = _images(supernet)
            labels = torch.arange(NUM_IMAGES, device=images.device) % num_classes
            supernet.train()
            narrowest = supernet.extract(supernet.space.smallest)
            require_constant_parameters(narrowest.train(), images)
            unused = _without_gradient(supernet, images, labels, dtype)
            supernet.zero_grad()
            _require_finite(supernet, images)
            calibrate_bn(narrowest.eval(), [images])
        except SupernetError:
            raise
        except Exception as error:  # a user's network may raise anything
            raise ModelError(
                f"the network must train on {NUM_IMAGES} images of {supernet.space.resolutions[-1]}"
                f" px, but got: {reason_of(error)}"
            ) from error
        finally:
            supernet.zero_grad()
            supernet.train(training)
    if unused and not quiet:
        print(
            f"{len(unused)} parameters get no gradient from the logits and keep their values: "
            f"{', '.join(unused[:3])}{', ...' if len(unused) > 3 else ''}",
            file=sys.stderr,
        )


def _images(supernet: Supernet) -> Tensor:
    """Smooth random images at the lowest resolution, of about zero mean and unit variance."""
    device, dtype = next(supernet.parameters()).device, floating_dtype(supernet.model)
    side = supernet.space.resolutions[-1]
    coarse = torch.randn(NUM_IMAGES, 3, 4, 4)
    images = F.interpolate(coarse, size=side, mode="bicubic")
    return images.to(device, dtype, memory_format=torch.channels_last)


def _without_gradient(supernet: Supernet, images: Tensor, labels: Tensor, dtype: str) -> list[str]:
    """Names of the trainable parameters that the full network's loss does not reach."""
    config = SubnetConfig(width_mults=(1.0,), resolution=images.shape[-1])
    named = [(name, p) for name, p in supernet.model.named_parameters() if p.requires_grad]
    for _ in range(NUM_TRIALS):
        with torch.autocast(images.device.type, getattr(torch, dtype), dtype != "float32"):
            logits = supernet(images, config)
        F.cross_entropy(logits.float(), labels).backward()
        missing = [name for name, p in named if p.grad is None]
        if not missing:
            break
    for name, p in named:
        if p.grad is not None and p.grad.layout != torch.strided:
            raise ModelError(
                f"every gradient must be dense, but that of {name} is {str(p.grad.layout)[6:]}: "
                "build its layer with sparse=False"
            )
        # In float16 the loss scale is still to be found.
        if p.grad is not None and dtype != "float16" and not torch.isfinite(p.grad).all():
            raise ModelError(
                f"every gradient must be finite before the first step, but that of {name} is not: "
                "check the layers after it, and the initial weights"
            )
    return missing


def _require_finite(supernet: Supernet, images: Tensor) -> None:
    """Raise ModelError unless the narrowest subnet's gradients are finite."""
    widths = supernet.space.smallest.width_mults
    network = supernet.subnet(SubnetConfig(width_mults=widths, resolution=images.shape[-1]))
    outputs = [leaf for leaf in tree_leaves(network(images)) if isinstance(leaf, Tensor)]
    torch.stack([(output * torch.randn_like(output)).sum() for output in outputs]).sum().backward()
    gradients = [p.grad for p in supernet.model.parameters() if p.grad is not None]
    if not all(bool(torch.isfinite(gradient).all()) for gradient in gradients):
        raise ModelError(
            "every gradient must be finite before the first step, but those of the narrowest "
            "subnet are not: check the initial weights"
        )
