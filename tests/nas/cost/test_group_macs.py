from pathlib import Path

import torch
from torch import nn

from nas.cost.group_macs import describe_groups, group_macs
from nas.cost.macs import count_layer_macs, count_macs
from supernet import SearchSpace, SubnetConfig, Supernet, TrainingJob, load_supernet
from supernet.models import build_model


def two_layers() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, stride=2, bias=False),
        nn.ReLU(),
        nn.Conv2d(16, 32, 1, bias=False),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 10),
    )


def test_each_group_has_the_layers_that_make_its_channels() -> None:
    space = SearchSpace(resolutions=(8,), groups="layer")
    supernet = Supernet(two_layers(), torch.empty(1, 3, 8, 8), space)
    config = SubnetConfig(width_mults=(0.5, 0.25), resolution=8)
    # 4 x 4 outputs: 3 x 3 x 3 to 8 channels; 8 to 8 channels and the classifier's 8 to 10.
    assert group_macs(supernet, config) == (16 * 27 * 8, 16 * 8 * 8 + 8 * 10)
    said = describe_groups(supernet, [config])
    assert said["groups"] == [
        {"layers": ["0"], "num_channels": 16},
        {"layers": ["2"], "num_channels": 32},
    ]
    assert said["group_macs"]["w1-r8"] == [16 * 27 * 16, 16 * 16 * 32 + 32 * 10]
    total = 16 * 27 * 16 + 16 * 16 * 32 + 32 * 10
    assert said["full_network"] == {"macs": total, "macs_thop": total, "differing_layers": []}


def test_the_groups_of_a_trained_network_add_up(tiny_run: Path) -> None:
    supernet, _ = load_supernet(tiny_run)
    for config in supernet.space.grid(3):
        network = supernet.subnet(config)
        by_layer = count_layer_macs(network, config.resolution)
        total = count_macs(network, config.resolution)
        assert sum(by_layer.values()) == total
        assert sum(group_macs(supernet, config)) == total  # every layer has a width here


# Counted by thop's rules before PyTorch counted: stem, two stages; the classifier is in the last.
EMBEDDED = {
    "w1-r28": (2894528, 2809856, 3671296),
    "w0.625-r28": (1853376, 1176000, 1434400),
    "w0.25-r16": (91648, 57344, 57664),
}


def test_the_groups_of_the_embedded_network_are_what_they_always_were() -> None:
    job = TrainingJob()
    model = build_model(job.model, 10, job.model_options)
    supernet = Supernet(model, torch.empty(1, 3, 28, 28), job.space)
    found = {each: group_macs(supernet, SubnetConfig.from_id(each)) for each in EMBEDDED}
    assert found == EMBEDDED


class FunctionalStem(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.ones(16, 3, 3, 3))
        self.head = nn.Linear(16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(nn.functional.conv2d(x, self.kernel).mean((2, 3)))  # type: ignore[no-any-return]


def test_a_functional_layer_is_in_the_group_of_its_weight() -> None:
    supernet = Supernet(
        FunctionalStem(), torch.empty(1, 3, 8, 8), SearchSpace(resolutions=(8,), groups="layer")
    )
    config = SubnetConfig(width_mults=(0.5,), resolution=8)
    assert group_macs(supernet, config) == (36 * 27 * 8 + 8 * 10,)


def test_a_network_of_one_layer_is_counted_under_no_name() -> None:
    assert count_layer_macs(nn.Conv2d(3, 4, 1), 2) == {"": 48}
