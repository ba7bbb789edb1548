"""Networks by name: those here, torchvision's and timm's, and `package.module:factory`."""

import importlib
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any

from torch import nn

from supernet.errors import ModelError, reason_of
from supernet.models.from_timm import PREFIX, timm_factory
from supernet.models.mobilenet_v1 import MobileNetV1
from supernet.models.mobilenet_v2 import mobilenet_v2
from supernet.models.unsynchronised import unsynchronise
from supernet.models.wide_resnet import WideResNet
from supernet.seeding import seeded

Factory = Callable[..., nn.Module]

OWN: dict[str, Factory] = {
    "mobilenet_v1": MobileNetV1,
    "mobilenet_v2": mobilenet_v2,
    "wide_resnet": WideResNet,
    "wrn_16_2": partial(WideResNet, depth=16, widen=2),
    "wrn_28_10": partial(WideResNet, depth=28, widen=10),
}
"""Networks with a `small_input` option; `mobilenet_v2` is torchvision's with it added."""


def known_models() -> list[str]:
    """All names that `build_model` knows, sorted."""
    from torchvision import models  # takes seconds to import

    return sorted({*OWN, *models.list_models(module=models)})


def build_model(
    name: str,
    num_classes: int,
    options: Mapping[str, Any] | None = None,
    *,
    seed: int | None = None,
) -> nn.Module:
    """Build a network with initial weights, on the CPU, its BN layers `unsynchronise`d.

    Args:
        name: one of `known_models()`, `timm:NAME`, or `package.module:factory` of the user's own;
            a factory is called as `factory(num_classes=..., **options)`.
        num_classes: outputs of the classifier.
        options: keyword arguments for the factory, such as `small_input=True`.
        seed: of all random numbers that the factory draws; None: continue the global generators.

    Raises:
        ModelError: the name is unknown, or the factory fails or does not take these options.
    """
    factory = _factory(name, options or {})
    try:
        with nullcontext() if seed is None else seeded(seed):
            model = factory(num_classes=num_classes, **(options or {}))
        if isinstance(model, nn.Module) and any(p.is_cuda for p in model.parameters()):
            model.cpu()
    except ModelError:
        raise
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"the model {name!r} does not take these options: {reason_of(error)}"
        ) from error
    except Exception as error:  # a user's code may raise anything
        reason = f"{type(error).__name__}: {reason_of(error)}"
        raise ModelError(f"the model {name!r} cannot be built: {reason}") from error
    if not isinstance(model, nn.Module):
        raise ModelError(f"{name!r} must return a torch.nn.Module, but got {type(model).__name__}")
    unsynchronise(model)
    return model


def _factory(name: str, options: Mapping[str, Any]) -> Factory:
    if name in OWN:
        return OWN[name]
    if name.startswith(PREFIX):
        return timm_factory(name, options)
    if ":" in name:
        return _import_factory(name)
    if name in known_models():
        if "weights" in options:
            raise ModelError(
                f"{name} takes no weights, since nothing is downloaded: pass the file of its "
                "weights as --weights FILE, or --weights imagenet where they are in its cache"
            )
        return partial(_torchvisions, name)
    raise ModelError(
        f"a model must be one of {', '.join(OWN)}, a torchvision classification network such as "
        f"resnet18, timm:NAME or package.module:factory, but got {name!r}"
    )


def _torchvisions(name: str, **options: Any) -> nn.Module:
    from torchvision import models

    from supernet.models.vision_transformer import make_resizable

    model: nn.Module = models.get_model(name, weights=None, **options)
    make_resizable(model)
    return model


def _import_factory(name: str) -> Factory:
    module_name, _, attribute = name.partition(":")
    try:
        factory = getattr(importlib.import_module(module_name), attribute)
    except Exception as error:  # a user's module may raise anything
        raise ModelError(
            f"package.module:factory must be importable, but got: {reason_of(error)}"
        ) from error
    if not callable(factory):
        raise ModelError(f"{name!r} must name a function that returns a network")
    return factory  # type: ignore[no-any-return]
