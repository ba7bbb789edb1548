"""What Comparisons raises is tested in test_proving.py; here what a run leaves behind."""

import torch
from torch import Tensor, nn

from supernet.proof.comparing import run


class Caching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cache: dict[str, Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        return self.cache.setdefault("doubled", 2 * x)


def test_what_a_run_caches_is_forgotten() -> None:
    network = Caching()
    run(network, (torch.ones(1),))
    assert network.cache == {}
