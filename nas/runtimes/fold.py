"""Folds batch normalisation into the preceding layer, as deployment runtimes do.

Only what is proven is folded: the structure must allow it (see `_Structure`), and on a real image
the layer with its BN folded must compute what the two computed apart, as must the whole network.
"""

from collections import Counter
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights
from torch.utils._pytree import tree_leaves

from nas.runtimes.from_pixels import FromPixels
from supernet.elastic.narrow import narrow

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

TOLERANCE = 1e-3
"""Largest difference from the unfolded network, relative to its largest output."""

SIDE = 64
"""Pixels a side of the part of an image that is computed: enough for a proof, and cheap."""

Pair = tuple[str, str]
"""Names of a layer and of the BN that follows it."""


@torch.no_grad()
def fold_batch_norm(network: nn.Module, images: Tensor) -> nn.Module:
    """Copy of `network` in evaluation mode with BN folded into convolutions and linear layers.

    A BN is folded if it is the only consumer of the layer's output and the first of `images`,
    (batch, channels, side, side), shows that the two compute the same folded. Other BN layers stay,
    and so do all of them if torch.fx cannot trace the network, or if the folded network differs.
    Names of layers and parameters stay (a convolution gains a bias); a folded BN becomes an
    identity. `network` is not changed and shares no memory with the copy. Of a FromPixels, which
    takes pixels (batch, side, side, channels), what is behind the normalisation is folded.
    """
    if isinstance(network, FromPixels):
        return network.around(fold_batch_norm(network.network, network.normalised(images[:1])))
    views = _views(network)
    result = narrow(network, views, independent=True).eval()
    pairs = _Structure(result).pairs()
    if pairs:
        try:
            result = _folded(result, pairs, images[:1, :, :SIDE, :SIDE])
        except Exception:  # a network may take images of one size only, and raise anything
            result = _folded(result, pairs, images[:1])
    shared = {id(tensor) for tensor in views.values()}
    for tensor in _tensors(result).values():
        if id(tensor) in shared:
            tensor.data = tensor.data.clone()
    return result.requires_grad_(False)


def _folded(network: nn.Module, pairs: list[Pair], image: Tensor) -> nn.Module:
    """A copy with those pairs folded that `image` proves to be right; else `network` itself."""
    image = _placed(image, network)
    fused, expected = _fuse(network, pairs, image)
    folded = narrow(network, _tensors(network), independent=True)
    for (layer_name, norm_name), parameters in fused.items():
        layer: Any = folded.get_submodule(layer_name)
        layer.weight, layer.bias = parameters
        folded.set_submodule(norm_name, nn.Identity())
    return folded if _is_same(folded(image), expected) else network


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}


def _views(network: nn.Module) -> dict[str, Tensor]:
    """Views of all parameters and buffers, by name.

    Folding replaces most tensors, so copying them first would be wasted.
    """
    views: dict[str, Tensor] = {
        name: nn.Parameter(each.detach(), requires_grad=False)
        for name, each in network.named_parameters()
    }
    return views | {name: each.detach() for name, each in network.named_buffers()}


def _placed(images: Tensor, network: nn.Module) -> Tensor:
    weight = next(p for p in network.parameters() if p.is_floating_point())
    return images.to(weight.device, weight.dtype)


def _fused(layer: Any, norm: Any) -> tuple[nn.Parameter, nn.Parameter]:
    """Weight and bias of the layer with the BN folded into it."""
    fuse = fuse_linear_bn_weights if isinstance(layer, nn.Linear) else fuse_conv_bn_weights
    statistics = (norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)
    return fuse(layer.weight, layer.bias, *statistics)


def _fuse(
    network: nn.Module, pairs: list[Pair], image: Tensor
) -> tuple[dict[Pair, tuple[nn.Parameter, nn.Parameter]], Any]:
    """Weight and bias of the pairs that compute the same folded; output of the unfolded network."""
    seen: dict[str, tuple[Tensor, Tensor]] = {}
    proven: dict[Pair, tuple[nn.Parameter, nn.Parameter]] = {}

    def note(name: str) -> Any:
        return lambda layer, args, output: seen.update({name: (args[0], output)})

    def compare(pair: Pair) -> Any:
        layer: Any = network.get_submodule(pair[0])

        def hook(norm: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
            x, made = seen.pop(pair[0], (None, None))
            if made is not args[0] or x is None or output.dim() != _num_dims(layer):
                return
            weight, bias = _fused(layer, norm)
            if isinstance(layer, nn.Linear):
                got = nn.functional.linear(x, weight, bias)
            else:
                got = layer._conv_forward(x, weight, bias)
            if _is_same(got, output):
                proven[pair] = weight, bias

        return hook

    hooks = [network.get_submodule(one).register_forward_hook(note(one)) for one, _ in pairs]
    hooks += [network.get_submodule(p[1]).register_forward_hook(compare(p)) for p in pairs]
    try:
        expected = network(image)
    finally:
        for hook in hooks:
            hook.remove()
    return proven, expected


def _num_dims(layer: Any) -> int:
    """Dimensions of a batch of outputs: with others, BN would normalise another one."""
    return 2 if isinstance(layer, nn.Linear) else 2 + len(layer.kernel_size)


def _is_same(got: Any, expected: Any) -> bool:
    pairs = zip(tree_leaves(got), tree_leaves(expected), strict=True)
    return all(
        bool((one - other).abs().max() <= TOLERANCE * other.abs().max())
        for one, other in pairs
        if isinstance(other, Tensor) and other.numel()
    )


class _Structure:
    """Which BN layers of a network the structure allows to fold, as torch.fx sees it."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        modules = [*network.modules()]
        slots = [child for module in modules for child in module._modules.values()]
        self._num_names = Counter(map(id, slots))
        used = [t for m in modules for t in (*m._parameters.values(), *m._buffers.values())]
        self._num_users = Counter(map(id, used))

    def pairs(self) -> list[Pair]:
        """Pairs in which the BN is the only consumer of the layer's output."""
        if "forward" in vars(self.network):  # torch.fx would trace that of its class
            return []
        try:
            graph = fx.Tracer().trace(self.network)
        except Exception:  # a user's forward may raise anything on symbolic input: fold nothing
            return []
        calls = [node for node in graph.nodes if node.op == "call_module"]
        num_calls = Counter(node.target for node in calls)
        read = {str(n.target).rpartition(".")[0] for n in graph.nodes if n.op == "get_attr"}
        pairs = [(node.args[0], node) for node in calls if node.args]
        return [
            (str(layer.target), str(norm.target))
            for layer, norm in pairs
            if isinstance(layer, fx.Node)
            and layer.op == "call_module"
            and len(layer.users) == 1
            and self._is_plain(str(layer.target), (*CONVOLUTIONS, nn.Linear))
            and self._is_plain(str(norm.target), NORMS)
            and num_calls[layer.target] == num_calls[norm.target] == 1
            and not {layer.target, norm.target} & read
        ]

    def _is_plain(self, name: str, kinds: tuple[type[nn.Module], ...]) -> bool:
        """Whether the module has tensors and a name of its own, and computes as its class does."""
        module = self.network.get_submodule(name)
        tensors = [*module._parameters.values(), *module._buffers.values()]
        required = "running_mean" if kinds is NORMS else "weight"
        return (
            type(module) in kinds
            and getattr(module, required) is not None
            and (kinds is NORMS or "weight" in module._parameters)
            and "forward" not in vars(module)
            and not (module._forward_hooks or module._forward_pre_hooks)
            and self._num_names[id(module)] == 1
            and all(self._num_users[id(tensor)] == 1 for tensor in tensors if tensor is not None)
        )
