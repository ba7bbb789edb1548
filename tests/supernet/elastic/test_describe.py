import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import VisionTransformer
from torchvision.ops import DeformConv2d

from nas.cost.macs import count_macs
from supernet.elastic.describe import count_elastic, elastic_share, require_elastic, summarise
from supernet.elastic.supernet import Supernet
from supernet.errors import ModelError
from supernet.space import SearchSpace, SubnetConfig, widths_from


class Fixed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 16, 1), nn.Conv2d(16, 32, 1)
        self.head = nn.Linear(32, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.second(self.first(x).cumsum(1)).mean((2, 3)))
        return out


def supernet() -> Supernet:
    return Supernet(Fixed(), torch.empty(1, 3, 8, 8), SearchSpace(resolutions=(8,)))


def test_the_table_names_groups_and_what_stays_and_why() -> None:
    assert supernet().describe().splitlines() == [
        "1 channel group, 1 width",
        "",
        "width  channels  at 0.25  layers",
        "    0        32        8  second",
        "",
        "macs: 35,904 in all, 91.4% in elastic layers; 11,280 (31.4%) left at 0.25",
        "params: 674 in all, 90.2% in elastic layers; 218 (32.3%) left at 0.25",
        "kept at full width:",
        "  16 channels, aten.cumsum in the network itself: their order counts",
    ]


def counted(supernet: Supernet, config: SubnetConfig) -> dict[str, int]:
    return count_elastic(supernet.model, supernet.channels, supernet.kept_counts(config))


def test_the_projections_of_attention_are_counted_at_every_position() -> None:
    torch.manual_seed(0)
    network = VisionTransformer(
        image_size=8, patch_size=2, num_layers=2, num_heads=4, hidden_dim=32, mlp_dim=64,
        num_classes=3,
    )  # fmt: skip
    supernet = Supernet(network, torch.empty(1, 3, 8, 8), SearchSpace(resolutions=(8,))).eval()
    for config in (supernet.space.largest, supernet.space.smallest):
        extracted = supernet.extract(config)
        of_activations = sum(
            2 * 17**2 * layer.out_proj.in_features
            for layer in extracted.modules()
            if isinstance(layer, nn.MultiheadAttention)
        )
        counts = counted(supernet, config)
        assert counts["kept_macs"] == count_macs(extracted, 8) - of_activations


class Experts(nn.Module):
    """A convolution whose kernel mixes experts' kernels, image by image (CondConv)."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Conv2d(3, 16, 1), nn.Linear(32, 4)
        self.route, self.experts = nn.Linear(16, 4), nn.Parameter(torch.randn(4, 32 * 16 * 9))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        kernels = self.route(x.mean((2, 3))).softmax(1) @ self.experts
        images = x.reshape(1, -1, *x.shape[2:])
        out = F.conv2d(images, kernels.view(-1, 16, 3, 3), padding=1, groups=len(x))
        logits: Tensor = self.head(out.view(len(x), 32, *x.shape[2:]).mean((2, 3)))
        return logits


def test_a_dynamic_convolution_counts_and_is_not_elastic() -> None:
    supernet = Supernet(Experts(), torch.empty(1, 3, 8, 8), SearchSpace(resolutions=(8,)))
    counts = counted(supernet, supernet.space.largest)
    assert counts["macs"] == count_macs(supernet.model.eval(), 8)
    assert counts["elastic_macs"] < counts["macs"] - 64 * 32 * 16 * 9
    assert elastic_share(supernet.model, supernet.channels) < 0.2


class Deformed(nn.Module):
    def __init__(self, offset_groups: int = 1) -> None:
        super().__init__()
        self.first, self.offsets = nn.Conv2d(3, 16, 1), nn.Conv2d(16, 18 * offset_groups, 1)
        self.deformed, self.last = DeformConv2d(16, 64, 3, padding=1), nn.Conv2d(64, 32, 1)
        self.head = nn.Linear(32, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        out: Tensor = self.head(self.last(self.deformed(x, self.offsets(x))).mean((2, 3)))
        return out


def test_a_deformable_convolution_is_elastic_and_with_groups_of_offsets_listed() -> None:
    torch.manual_seed(0)
    supernet = Supernet(Deformed(), torch.empty(1, 3, 8, 8), SearchSpace(resolutions=(8,))).eval()
    assert [group.num_channels for group in supernet.channels.groups] == [16, 64, 32]
    for config in (supernet.space.largest, supernet.space.smallest):
        extracted, images = supernet.extract(config), torch.randn(2, 3, 8, 8)
        torch.testing.assert_close(supernet(images, config), extracted(images))
        assert counted(supernet, config)["kept_macs"] == count_macs(extracted, 8)
    grouped = Supernet(Deformed(2), torch.empty(1, 3, 8, 8), SearchSpace(resolutions=(8,)))
    assert summarise(grouped.model, grouped.channels)[-2:] == [
        "  64 channels, torchvision.deform_conv2d in deformed: made by an unknown operation",
        "  52 channels, torchvision.deform_conv2d in deformed: unknown operation",
    ]


def test_widths_that_groups_share_are_counted() -> None:
    space = SearchSpace(widths=widths_from(0.5), resolutions=(8,), groups="layer")
    model = nn.Sequential(nn.Conv2d(3, 16, 1), nn.Conv2d(16, 16, 1), nn.Conv2d(16, 2, 1))
    text = Supernet(model, torch.empty(1, 3, 8, 8), space).describe()
    assert text.startswith(
        "2 channel groups, 2 widths: a config has 2, or one for all\n"
        "\n"
        "width  channels  at 0.5  layers\n"
    )


def test_parameters_and_macs_are_those_of_the_extracted_network() -> None:
    net = supernet()
    counts = count_elastic(net.model, net.channels, net.kept_counts(net.space.smallest))
    extracted = net.extract(net.space.smallest)
    assert counts["kept_params"] == sum(p.numel() for p in extracted.parameters())
    assert counts["macs"] == 64 * (3 * 16 + 16 * 32) + 32 * 2
    assert counts["elastic_macs"] == 64 * 16 * 32 + 32 * 2
    assert counts["kept_macs"] == 64 * (3 * 16 + 16 * 8) + 8 * 2


def test_the_summary_warns_of_a_network_that_is_hardly_elastic() -> None:
    net = supernet()
    assert summarise(net.model, net.channels) == [
        "1 channel group; 91.4% of the MACs are in elastic layers",
        "kept at full width:",
        "  16 channels, aten.cumsum in the network itself: their order counts",
    ]
    assert require_elastic(net.model, net.channels) is None  # type: ignore[func-returns-value]
    rigid = Supernet(nn.Conv2d(3, 8, 1), torch.empty(1, 3, 8, 8), SearchSpace(resolutions=(8,)))
    assert summarise(rigid.model, rigid.channels)[1].startswith("warning: only 0.0% of the MACs")
    with pytest.raises(ModelError, match=r"but all stay \(it has no hidden channels\)"):
        require_elastic(rigid.model, rigid.channels)
