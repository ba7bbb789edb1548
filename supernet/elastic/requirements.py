"""What a network must be like so that narrow ones can be made of it."""

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from supernet.elastic.attributes import unregistered
from supernet.errors import ModelError
from supernet.seeding import seeded


def require_convertible(model: nn.Module) -> None:
    """Raise ModelError for layers that are compiled, have no shape yet or are not registered."""
    for path, module in model.named_modules():
        where = path or "the network itself"
        if isinstance(module, torch.jit.ScriptModule):
            raise ModelError(
                f"a network must run in Python to be traced, but {where} is compiled by torch.jit: "
                "pass the network from before torch.jit.script or torch.jit.trace"
            )
        own = [*module._parameters.values(), *module._buffers.values()]
        if any(is_lazy(tensor) for tensor in own if tensor is not None):
            raise ModelError(
                f"all parameters must have a shape, but those of {where} have none yet: "
                "run the network once on a batch of images first"
            )
    found = unregistered(model)
    if found is not None:
        raise ModelError(
            f"`parameters()` must list all layers, but those in the attribute {found} are missing, "
            "and would never be trained: put them into an nn.ModuleList or nn.ModuleDict"
        )


def require_constant_parameters(network: nn.Module, images: Tensor) -> None:
    """Run `network` on `images`; raise ModelError if that changes one of its parameters."""
    versions = {name: parameter._version for name, parameter in network.named_parameters()}
    with torch.no_grad(), seeded(0):
        network(images)
    for name, parameter in network.named_parameters():
        if parameter._version != versions.get(name):
            raise ModelError(
                f"a forward pass must leave parameters alone, but changes {name}: "
                "keep running statistics in buffers (register_buffer), which are calibrated"
            )
