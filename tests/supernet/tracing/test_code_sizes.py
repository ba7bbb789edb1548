"""Code that takes a size from its module's input: uniting the two keeps both elastic."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from supernet.elastic.supernet import Supernet
from supernet.proof.proving import prove
from supernet.space import SearchSpace


class Attention(nn.Module):
    """Self-attention as most networks write it: sizes from the input, heads from an attribute."""

    def __init__(self, size: int, heads: int, *, rest: bool) -> None:
        super().__init__()
        self.heads, self.rest = heads, rest
        self.qkv, self.proj = nn.Linear(size, 3 * size), nn.Linear(size, size)

    def forward(self, x: Tensor) -> Tensor:
        n, m, c = x.shape
        features = -1 if self.rest else c // self.heads
        qkv = self.qkv(x).reshape(n, m, 3, self.heads, features).permute(2, 0, 3, 1, 4)
        queries, keys, values = qkv.unbind(0)
        attention = (queries @ keys.transpose(-2, -1) * 0.25).softmax(-1)
        out: Tensor = self.proj((attention @ values).transpose(1, 2).reshape(n, m, c))
        return out


class Transformer(nn.Module):
    def __init__(self, *, depth: int = 2, rest: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Conv2d(3, 32, 4, 4)
        self.norms = nn.ModuleList([nn.LayerNorm(32) for _ in range(depth)])
        self.blocks = nn.ModuleList([Attention(32, 4, rest=rest) for _ in range(depth)])
        self.head = nn.Linear(32, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).flatten(2).transpose(1, 2)
        for norm, block in zip(self.norms, self.blocks, strict=True):
            x = x + block(norm(x))
        logits: Tensor = self.head(x.mean(1))
        return logits


@pytest.mark.parametrize("rest", [False, True])
def test_heads_narrow_with_the_embedding(rest: bool) -> None:
    """Where `c // heads` is written, and where -1 leaves out that number."""
    network = Transformer(rest=rest)
    supernet = Supernet(network, torch.empty(1, 3, 16, 16), SearchSpace(resolutions=(16,)))
    (group,) = supernet.channels.groups
    assert (group.size, group.unit) == (8, 4)  # of each head the same channels
    assert not supernet.channels.kept
    subnet = supernet.extract(supernet.space.smallest)
    assert subnet.get_parameter("blocks.0.qkv.weight").shape == (24, 8)
    assert prove(supernet).num_configs == 3


def test_blocks_after_the_first_are_united_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from supernet.elastic.channels import _Tracing

    checks: list[int] = []
    check = _Tracing._checked

    def counted(tracing: _Tracing) -> Any:
        checks.append(0)
        return check(tracing)

    monkeypatch.setattr(_Tracing, "_checked", counted)
    numbers = []
    for depth in (2, 6):
        checks.clear()
        network = Transformer(depth=depth)
        Supernet(network, torch.empty(1, 3, 16, 16), SearchSpace(resolutions=(16,)))
        numbers.append(len(checks))
    assert numbers[0] == numbers[1]


class Apart(nn.Module):
    """A size that no uniting makes equal: 5 more than the input's."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(32, 37), nn.Linear(37, 4)

    def forward(self, x: Tensor) -> Tensor:
        n, c = x.shape
        out: Tensor = self.second(self.first(x).view(n, c + 5))
        return out


def test_what_uniting_does_not_mend_stays() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16, 32), Apart())
    supernet = Supernet(network, torch.empty(1, 3, 4, 4), SearchSpace(resolutions=(4,)))
    assert {kept.path for kept in supernet.channels.kept} <= {"2", "2.first"}
    assert prove(supernet).dtype == "float64"
