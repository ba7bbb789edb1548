"""Networks of timm (an optional dependency) by name, with fresh weights."""

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import nn

from supernet.errors import ModelError

PREFIX = "timm:"
LOADING = ("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir")
"""Options of `timm.create_model` that name weights, which are downloaded or unpickled."""


def timm_factory(name: str, options: Mapping[str, Any]) -> Callable[..., nn.Module]:
    """The factory of `timm:NAME`, one of `timm.list_models()`; a tag after a dot is allowed.

    Nothing is downloaded. Raises ModelError where timm is missing, does not know the name (those of
    its hub count as unknown) or `options` name weights.
    """
    try:
        timm = importlib.import_module("timm")
    except ModuleNotFoundError as error:
        raise ModelError(
            f"{name} needs {error.name}, which is not installed: pip install 'mutualnas[timm]'"
        ) from error
    for option in LOADING:
        if option in options:
            raise ModelError(
                f"{name} takes no {option}, since nothing is downloaded: pass the file of its "
                "weights as --weights FILE, or --weights imagenet where they are in its cache"
            )
    own_name = name.removeprefix(PREFIX)
    if any(c in own_name for c in ":/\\") or not timm.is_model(own_name):
        raise ModelError(
            f"{name} must be one of timm.list_models(), {timm.__version__}, but is not: for "
            "example, timm:resnet50 or timm:convnext_tiny"
        )
    return partial(timm.create_model, own_name)
