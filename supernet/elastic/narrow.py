"""A narrow network: the structure of the full one with other, smaller tensors."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.utils.parametrize import is_parametrized

from supernet.elastic.attention import set_attention_sizes
from supernet.elastic.attributes import Owned, Translation, attributes, referring
from supernet.elastic.following import Attribute, followed
from supernet.elastic.recurrent import set_recurrent_sizes


def narrow(
    model: nn.Module,
    tensors: Mapping[str, Tensor],
    losing_groups: Collection[str] = frozenset(),
    referring_attributes: Iterable[tuple[str, str]] | None = None,
    *,
    sizes: Mapping[Attribute, Mapping[int, int]] | None = None,
    independent: bool = False,
) -> nn.Module:
    """Return a network like `model` whose parameters and buffers are `tensors`, by name.

    Names are those of `named_parameters()` and `named_buffers()`: a shared tensor has its first
    name. The tensors are used as they are, so a view stays a view and passes its gradients on.
    Attributes that state sizes (`out_channels`, `groups`, ...) follow the tensors. `losing_groups`
    names the weights of those convolutions and group norms that shrink by whole groups; in the
    others each group shrinks. `sizes` are what numbers in other attributes become.

    What else modules hold refers to the modules of the result where it refers to those of `model`;
    `referring_attributes` is `referring(model)`, if known. Containers are copied, for code caches
    in them; what a module's own `train` empties is empty in the result. The rest is shared, unless
    the result is to be `independent`: then it shares nothing with `model` that can change.
    """
    named = [*model.named_parameters(), *model.named_buffers()]
    by_id = {id(full): tensors[name] for name, full in named if name in tensors}
    clones: dict[int, nn.Module] = {}
    narrowed = _narrow(model, by_id, clones)
    translate = Translation({**by_id, **clones}, independent=independent)
    if independent:
        translated = [(module, name) for module, name, _ in attributes(model)]
    else:
        pairs = referring(model) if referring_attributes is None else referring_attributes
        translated = [(model.get_submodule(path), name) for path, name in pairs]
    owned = Owned()
    for module, name in translated:
        value = translate(module.__dict__[name])
        clones[id(module)].__dict__[name] = value if independent else owned(value)
    if independent:
        for clone in filter(is_parametrized, clones.values()):
            _set_own_class(clone)
    for name in losing_groups:
        path, _, _ = name.rpartition(".")
        full, module = model.get_submodule(path), narrowed.get_submodule(path)
        if isinstance(full, _ConvNd) and isinstance(module, _ConvNd):
            module.groups = full.groups * len(_weight(module)) // len(_weight(full))
        if isinstance(full, nn.GroupNorm) and isinstance(module, nn.GroupNorm):
            module.num_groups = full.num_groups * len(module.weight) // len(full.weight)
    modules = list(narrowed.modules())
    for module in modules:
        _set_sizes(module)
    for (path, attribute), numbers in (sizes or {}).items():
        before = model.get_submodule(path).__dict__[attribute]
        narrowed.get_submodule(path).__dict__[attribute] = followed(before, numbers)
    _forget_caches(modules)
    return narrowed


def _forget_caches(modules: Sequence[nn.Module]) -> None:
    """Empty what modules computed from their weights for inference, as LeViT's attention biases.

    They do so themselves when they change to training; in which mode they are stays.
    """
    forgetting = [module for module in modules if type(module).train is not nn.Module.train]
    if forgetting:
        modes = [module.training for module in modules]
        for module in forgetting:
            module.train(module.training)
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode


def _narrow(
    module: nn.Module, tensors: Mapping[int, Tensor], done: dict[int, nn.Module]
) -> nn.Module:
    if id(module) in done:  # a module used in two places stays one module
        return done[id(module)]
    # Not deepcopy: that takes 13 ms for MobileNetV2, and a training step makes four subnets.
    clone = done[id(module)] = object.__new__(type(module))
    state = clone.__dict__
    state.update(module.__dict__)
    for kind in ("_parameters", "_buffers"):
        state[kind] = {
            name: None if tensor is None else tensors.get(id(tensor), tensor)
            for name, tensor in module.__dict__[kind].items()
        }
    state["_modules"] = {
        name: None if child is None else _narrow(child, tensors, done)
        for name, child in module.__dict__["_modules"].items()
    }
    return clone


def _weight(layer: nn.Module) -> Tensor:
    """The weight of a layer; where it is computed (weight norm), the largest of what it is from."""
    weight = layer._parameters.get("weight")
    return max(layer.parameters(), key=Tensor.numel) if weight is None else weight


def _set_own_class(clone: nn.Module) -> None:
    """Give a parametrized layer a class of its own, as its model's has: it holds the properties."""
    kind = type(clone)
    skipped = ("__dict__", "__weakref__")
    members = {name: member for name, member in vars(kind).items() if name not in skipped}
    clone.__class__ = type(kind.__name__, kind.__bases__, members)


def _set_sizes(module: nn.Module) -> None:
    """Set the attributes that state a layer's sizes to those of its tensors."""
    match module:
        case _ConvNd():
            _set_convolution_sizes(module)
        case nn.Linear():
            module.out_features, module.in_features = _weight(module).shape
        case _NormBase():
            size = module.weight if module.weight is not None else module.running_mean
            if size is not None:
                module.num_features = len(size)
        case nn.GroupNorm() if module.weight is not None:
            module.num_channels = len(module.weight)
        case nn.LayerNorm() | nn.RMSNorm() if module.weight is not None:
            module.normalized_shape = tuple(module.weight.shape)
        case nn.MultiheadAttention():
            set_attention_sizes(module)
        case nn.RNNBase():
            set_recurrent_sizes(module)
        case nn.Embedding():
            module.num_embeddings, module.embedding_dim = module.weight.shape
        case nn.PReLU():
            module.num_parameters = len(module.weight)


def _set_convolution_sizes(module: _ConvNd) -> None:
    weight = _weight(module)
    whole, other = weight.shape[0], weight.shape[1] * module.groups
    transposed = isinstance(module, _ConvTransposeNd)
    module.in_channels, module.out_channels = (whole, other) if transposed else (other, whole)
