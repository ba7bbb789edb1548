import torch
from torch import Tensor, nn

from supernet.describe import count_elastic
from supernet.space import SearchSpace
from supernet.supernet import Supernet


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
    text = supernet().describe()
    assert "    0        32       8  second" in text
    assert "16 channels, aten.cumsum in the network itself: the operation is not known" in text


def test_parameters_and_macs_are_those_of_the_extracted_network() -> None:
    net = supernet()
    counts = count_elastic(net.model, net.channels, net.kept_counts(net.space.smallest))
    extracted = net.extract(net.space.smallest)
    assert counts["kept_params"] == sum(p.numel() for p in extracted.parameters())
    assert counts["macs"] == 64 * (3 * 16 + 16 * 32) + 32 * 2
    assert counts["elastic_macs"] == 64 * 16 * 32 + 32 * 2
    assert counts["kept_macs"] == 64 * (3 * 16 + 16 * 8) + 8 * 2
