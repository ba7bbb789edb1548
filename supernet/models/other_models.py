"""Which network by name a file's weights belong to, where they don't fit the one that was asked."""

from functools import partial
from pathlib import Path
from typing import Any

import torch

from supernet.models.registry import OWN, build_model, known_models
from supernet.models.state_dicts import find_state_dicts
from supernet.models.weights_fit import fit_of, heads_of


def model_of(content: Any, file: Path) -> str | None:
    """The network that takes the weights in a file, among our own and the one in the file's name.

    `content` is what `read_weights_file` gives. torchvision's files begin with the network's name:
    `resnet50-0676ba61.pth`.
    """
    by_name = file.name.partition("-")[0]
    for name in (by_name, *OWN) if by_name in known_models() else OWN:
        try:
            with torch.device("meta"):
                own = build_model(name, 1000).state_dict(keep_vars=True)
        except Exception:  # torchvision's RegNets compute with tensors while they are built
            continue
        heads = partial(heads_of, own, None)
        if any(not fit_of(s, own, heads).problem for s in find_state_dicts(content, own.keys())):
            return name
    return None
