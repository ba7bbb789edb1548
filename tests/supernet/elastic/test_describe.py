import pytest
import torch
from torch import Tensor, nn

from supernet.elastic.describe import count_elastic, require_elastic, summarise
from supernet.elastic.supernet import Supernet
from supernet.errors import ModelError
from supernet.space import SearchSpace, widths_from


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
