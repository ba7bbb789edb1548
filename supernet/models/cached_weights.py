"""`--weights imagenet`: the published weights of a network, where a cache on disk has them."""

import importlib
from pathlib import Path

import torch

from supernet.errors import CheckpointError
from supernet.models.from_timm import PREFIX, timm_factory

IMAGENET = "imagenet"
HUB_FILES = ("model.safetensors", "pytorch_model.bin")
"""How a repository of the Hugging Face hub names a network's weights."""


def weights_file(weights: str, model: str) -> Path:
    """The file that `--weights` means: itself or, of `imagenet`, the cached one of that network.

    Looks where torchvision and timm keep what they downloaded ($TORCH_HOME, $HF_HOME) and downloads
    nothing. Raises CheckpointError where there is none, with the place and a command that gets it.
    """
    path = Path(weights)
    if weights != IMAGENET or path.is_file():
        return path
    own_name = model.removeprefix(PREFIX)
    if model.startswith(PREFIX):
        found, where = _of_timm(model, own_name)
        get = f"timm.create_model({own_name!r}, pretrained=True)"
    else:
        found, where = _of_torchvision(own_name)
        get = f"torchvision.models.get_model({own_name!r}, weights='DEFAULT')"
    if found is None:
        library = get.partition(".")[0]
        raise CheckpointError(
            f"--weights {IMAGENET} must find the weights of {model} on this disk, but {where} is "
            f'not there: python -c "import {library}; {get}" downloads it, or pass --weights FILE'
        )
    return found


def _of_torchvision(name: str) -> tuple[Path | None, str]:
    """The file of a network in torch hub's cache, and where it was looked for."""
    from torchvision.models import get_model_weights  # takes seconds to import

    try:
        published = get_model_weights(name)
    except ValueError as error:
        raise CheckpointError(
            f"--weights {IMAGENET} must be of a network of torchvision or timm, but nobody "
            f"publishes weights of {name!r}: pass --weights FILE"
        ) from error
    urls = [published.DEFAULT.url, *(each.url for each in published)]
    return _in_torch_hub(list(dict.fromkeys(url.rpartition("/")[2] for url in urls)))


def _in_torch_hub(names: list[str]) -> tuple[Path | None, str]:
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    found = next((folder / name for name in names if (folder / name).is_file()), None)
    return found, f"{folder}/{' or '.join(names)}"


def _of_timm(model: str, name: str) -> tuple[Path | None, str]:
    """The file of a network in the Hugging Face hub's cache, and where it was looked for."""
    timm_factory(model, {})  # raises where there is no such network
    published = importlib.import_module("timm").get_pretrained_cfg(name)
    if published is None or not published.hf_hub_id:
        raise CheckpointError(
            f"--weights {IMAGENET} must be of a network whose weights are on the Hugging Face hub, "
            f"but timm knows of none of {model}: pass --weights FILE"
        )
    hub = importlib.import_module("huggingface_hub")  # timm requires it
    cached = [hub.try_to_load_from_cache(published.hf_hub_id, name) for name in HUB_FILES]
    folder = Path(hub.constants.HF_HUB_CACHE, f"models--{published.hf_hub_id.replace('/', '--')}")
    return next((Path(each) for each in cached if isinstance(each, str)), None), str(folder)
