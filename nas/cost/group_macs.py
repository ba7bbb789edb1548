"""A subnet's multiply-adds by group, where each group has its own width multiplier."""

from collections.abc import Iterable
from typing import Any

from nas.cost.macs import count_layer_macs
from nas.cost.second_opinion import counts_of_full_network
from supernet import SubnetConfig, Supernet


def describe_groups(supernet: Supernet, configs: Iterable[SubnetConfig]) -> dict[str, Any]:
    """Describe groups and multiply-adds as JSON values, for the `supernet` of a lookup table.

    `groups`: for each width, the layers whose outputs it scales and their number of channels in the
    full network. `group_macs`: for each config_id, the result of `group_macs`. `full_network`: the
    full network's multiply-adds, by PyTorch's counter and by thop.
    """
    full = supernet.space.largest
    macs = {config.config_id: list(group_macs(supernet, config)) for config in configs}
    macs[full.config_id] = list(group_macs(supernet, full))
    return {
        "groups": _groups(supernet),
        "group_macs": macs,
        "full_network": counts_of_full_network(supernet).to_json(),
    }


def group_macs(supernet: Supernet, config: SubnetConfig) -> tuple[int, ...]:
    """Multiply-adds of each group for one image, in the network's order.

    A layer belongs to the group of its output channels or, if their number is fixed (a classifier),
    to the group of its input channels. Layers that depend on no width and products of activations
    belong to no group, so the sum is at most `count_macs` of the subnet.
    """
    found = [0] * supernet.space.num_groups
    for layer, macs in count_layer_macs(supernet.subnet(config), config.resolution).items():
        number = _width_of(supernet, layer)
        if number is not None:
            found[number] += macs
    return tuple(found)


def _width_of(supernet: Supernet, layer: str) -> int | None:
    """Index of the width that scales a layer's outputs, else its inputs, else None."""
    channels = supernet.channels
    own = [name for name in channels.dims if name.rpartition(".")[0] == layer]
    for weight in sorted(own, key=lambda name: not name.endswith("weight")):
        dims = channels.dims[weight]
        made = channels.made_dims.get(weight, 0)
        for dim in [*dims[made : made + 1], *dims]:
            if dim is not None:
                return supernet.width_of[int(dim.groups.max())]
    return None


def _groups(supernet: Supernet) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"layers": [], "num_channels": 0} for _ in range(supernet.space.num_groups)
    ]
    for group, number in zip(supernet.channels.groups, supernet.width_of, strict=True):
        found[number]["layers"] += group.layers
        found[number]["num_channels"] += group.num_channels
    return found
