"""Folds batch normalisation into the preceding layer, as deployment runtimes do."""

import copy

from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """Copy of `network` in evaluation mode with BN folded into convolutions and linear layers.

    A BN is folded if it is the only consumer of the layer's output; other BN layers stay, and so do
    all of them if torch.fx cannot trace the network. Names of layers and parameters stay (a
    convolution gains a bias); a folded BN becomes an identity. `network` is not changed and shares
    no memory with the copy.
    """
    views = _views(network)
    folded = copy.deepcopy(network, dict(views)).eval()
    for layer_name, norm_name in _foldable_pairs(folded):
        layer, norm = folded.get_submodule(layer_name), folded.get_submodule(norm_name)
        assert isinstance(layer, (*CONVOLUTIONS, nn.Linear))
        assert isinstance(norm, NORMS)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        fuse = fuse_linear_bn_weights if isinstance(layer, nn.Linear) else fuse_conv_bn_weights
        statistics = (norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)
        layer.weight, layer.bias = fuse(layer.weight, layer.bias, *statistics)
        folded.set_submodule(norm_name, nn.Identity())
    shared = {id(tensor) for tensor in views.values()}
    for tensor in (*folded.parameters(), *folded.buffers()):
        if id(tensor) in shared:
            tensor.data = tensor.data.clone()
    return folded.requires_grad_(False)


def _views(network: nn.Module) -> dict[int, Tensor]:
    """Views of all parameters and buffers by id, as deepcopy's memo.

    Folding replaces most tensors, so copying them first would be wasted.
    """
    views: dict[int, Tensor] = {
        id(each): nn.Parameter(each.detach(), requires_grad=False) for each in network.parameters()
    }
    return views | {id(each): each.detach() for each in network.buffers()}


def _foldable_pairs(network: nn.Module) -> list[tuple[str, str]]:
    """Names of (layer, BN) pairs where the BN is the only consumer of the layer's output."""
    try:
        graph = fx.Tracer().trace(network)
    except Exception:  # a user's forward may raise anything on symbolic input: fold nothing
        return []
    calls = [node for node in graph.nodes if node.op == "call_module"]
    targets = [node.target for node in calls]
    pairs = [(node.args[0], node) for node in calls if _is_foldable_norm(network, node)]
    return [
        (str(layer.target), str(norm.target))
        for layer, norm in pairs
        if isinstance(layer, fx.Node)
        and layer.op == "call_module"
        and type(network.get_submodule(str(layer.target))) in (*CONVOLUTIONS, nn.Linear)
        and len(layer.users) == 1
        and targets.count(layer.target) == targets.count(norm.target) == 1
    ]


def _is_foldable_norm(network: nn.Module, node: fx.Node) -> bool:
    module = network.get_submodule(str(node.target))
    return type(module) in NORMS and module.running_mean is not None
