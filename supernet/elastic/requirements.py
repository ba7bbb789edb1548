"""What a network must be like so that narrow ones can be made of it."""

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from supernet.elastic.attributes import unregistered
from supernet.errors import ModelError


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
