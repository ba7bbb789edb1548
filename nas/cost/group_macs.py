"""Where a subnet's multiply-adds are: in which of the groups that have a width of their own."""

from collections.abc import Iterable
from typing import Any

from nas.cost.macs import count_layer_macs
from nas.cost.second_opinion import counts_of_full_network
from supernet import SubnetConfig, Supernet


def describe_groups(supernet: Supernet, configs: Iterable[SubnetConfig]) -> dict[str, Any]:
    """What a lookup table says of widths and multiply-adds, as JSON values for its `supernet`.

    `groups`: for each width, the layers whose outputs it narrows and their channels in the full
    network. `group_macs`: for each config_id, the multiply-adds in each group, as `group_macs`.
    `full_network`: the full network's multiply-adds and thop's second opinion on them.
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
    """Multiply-adds for one image in each group that has a width, in the network's order.

    A layer belongs to the group of its output channels, and where these are fixed (a classifier)
    to that of its inputs. What depends on no width, or is a product without a weight of the
    layer's own, is in no group, so the sum is at most `count_macs` of the subnet.
    """
    found = [0] * supernet.space.num_groups
    for layer, macs in count_layer_macs(supernet.subnet(config), config.resolution).items():
        number = _width_of(supernet, layer)
        if number is not None:
            found[number] += macs
    return tuple(found)


def _width_of(supernet: Supernet, layer: str) -> int | None:
    """Number of the width that a layer's outputs follow, else its inputs; None: neither."""
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
