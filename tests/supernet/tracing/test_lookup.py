"""Networks that look entries up by number: what is not looked up by number is elastic."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from supernet.elastic.supernet import Supernet
from supernet.proof import prove
from supernet.space import SearchSpace

SIDE = 8


class Network(nn.Module):
    def __init__(self, run: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.run = nn.Conv2d(3, 16, 3, padding=1), run
        self.rows = nn.Embedding(SIDE, 16)
        self.table = nn.Parameter(torch.randn(5, 16))
        self.register_buffer("numbers", torch.randint(0, 5, (SIDE, SIDE)))
        self.last, self.head = nn.Conv2d(16, 12, 1), nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        logits: Tensor = self.head(self.last(self.run(self, x).relu()).mean((2, 3)))
        return logits


def first_numbers(x: Tensor, count: int) -> Tensor:
    return torch.arange(count, device=x.device)


def tokens_of_most(m: Any, x: Tensor) -> Any:
    """The positions that are largest on average, with all of their channels."""
    tokens = x.flatten(2)
    best = tokens.mean(1).topk(16, 1)[1]
    return tokens.gather(2, best[:, None].expand(-1, x.shape[1], -1)).unflatten(2, (4, 4))


ELASTIC: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "position embedding": lambda m, x: x + m.rows(first_numbers(x, SIDE)).t()[:, :, None],
    "table of positions": lambda m, x: x * m.table[m.numbers].permute(2, 0, 1),
    "two dimensions": lambda m, x: x[:, :, first_numbers(x, 4), first_numbers(x, 4)][..., None],
    "apart": lambda m, x: (
        x.permute(0, 2, 1, 3)[:, first_numbers(x, 4), :, first_numbers(x, 4)]
        .permute(1, 2, 0)
        .unsqueeze(3)
    ),
    "index_select": lambda m, x: x.index_select(2, first_numbers(x, 4)),
    "gather": tokens_of_most,
    "largest positions": lambda m, x: x.flatten(2).topk(16, 2)[0].unflatten(2, (4, 4)),
    "sorted positions": lambda m, x: x.sort(3)[0],
    "sums along rows": lambda m, x: x.cumsum(2),
    "median of positions": lambda m, x: x - x.flatten(2).median(2)[0][:, :, None, None],
    "median of channels": lambda m, x: x - x.median(1, keepdim=True)[0],
}
WHOLE: dict[str, tuple[Callable[[Any, Tensor], Tensor], str]] = {
    "channels by number": (
        lambda m, x: x[:, first_numbers(x, 16)],
        "entries are selected by index",
    ),
    "one channel": (lambda m, x: x.select(1, 2)[:, None] + x, "selected by index"),
    "sums of channels": (lambda m, x: x.cumsum(1), "their order counts"),
    "sorted channels": (lambda m, x: x.sort(1)[0], "their order counts"),
}
SPACE = SearchSpace(resolutions=(SIDE,), divisor=2, groups="layer")


@pytest.mark.parametrize("name", ELASTIC)
def test_channels_are_elastic(name: str) -> None:
    supernet = Supernet(Network(ELASTIC[name]), torch.empty(1, 3, SIDE, SIDE), SPACE)
    assert [group.num_channels for group in supernet.channels.groups] == [16, 12]
    assert not supernet.channels.kept
    assert prove(supernet).num_configs == 3


@pytest.mark.parametrize("name", WHOLE)
def test_channels_that_are_looked_up_stay(name: str) -> None:
    run, why = WHOLE[name]
    supernet = Supernet(Network(run), torch.empty(1, 3, SIDE, SIDE), SPACE)
    assert [group.num_channels for group in supernet.channels.groups] == [12]
    assert any(why in each.why for each in supernet.channels.kept)


def test_a_narrow_embedding_says_its_size() -> None:
    supernet = Supernet(
        Network(ELASTIC["position embedding"]), torch.empty(1, 3, SIDE, SIDE), SPACE
    )
    rows = supernet.extract(supernet.space.uniform(0.5, SIDE)).get_submodule("rows")
    assert isinstance(rows, nn.Embedding)
    assert (rows.num_embeddings, rows.embedding_dim) == (SIDE, 8) == tuple(rows.weight.shape)
