"""Networks that pool, sample or cut up images: all channels are elastic, and proven."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from supernet.elastic.supernet import Supernet
from supernet.proof import prove
from supernet.space import SearchSpace

SIDE = 8


class Network(nn.Module):
    def __init__(self, run: Callable[[Any, Tensor], Tensor], layer: nn.Module | None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.run, self.layer = nn.Conv2d(3, 16, 3, padding=1), run, layer
        self.filters = nn.Parameter(torch.randn(16, SIDE, SIDE // 2 + 1, 2))
        self.last, self.head = nn.LazyConv2d(12, 1), nn.Linear(12, 4)
        with torch.no_grad():
            self(torch.zeros(2, 3, SIDE, SIDE))

    def forward(self, x: Tensor) -> Tensor:
        x = self.last(self.run(self, self.first(x)).relu())
        logits: Tensor = self.head(x.mean((2, 3)))
        return logits


def patches(m: Any, x: Tensor) -> Any:
    x = m.layer(F.unfold(x, 3, padding=1).transpose(1, 2))
    return x.transpose(1, 2).unflatten(2, (SIDE, SIDE))


def transformed(m: Any, x: Tensor) -> Any:
    x = torch.fft.rfft2(x, norm="ortho") * torch.view_as_complex(m.filters)
    return torch.fft.irfft2(x, s=(SIDE, SIDE), norm="ortho")


def in_parts(m: Any, x: Tensor) -> Tensor:
    parts = torch.view_as_real(torch.fft.fft2(x))
    return parts.permute(0, 4, 1, 2, 3).flatten(1, 2)


def warped(m: Any, x: Tensor) -> Tensor:
    matrix = m.layer(x.mean((2, 3))).view(-1, 2, 3)
    grid = F.affine_grid(matrix, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)


def unpooled(m: Any, x: Tensor) -> Tensor:
    x, indices = F.max_pool2d(x, 2, return_indices=True)
    return F.max_unpool2d(x, indices, [2, 2])


NETWORKS: dict[str, tuple[Callable[[Any, Tensor], Tensor], Callable[[], nn.Module | None]]] = {
    "unfold": (patches, lambda: nn.Linear(16 * 9, 24)),
    "fold": (
        lambda m, x: F.fold(F.unfold(x, 2, stride=2), (SIDE, SIDE), 2, stride=2),
        lambda: None,
    ),
    "spatial transformer": (warped, lambda: nn.Linear(16, 6)),
    "unpooling": (unpooled, lambda: None),
    "fractional pooling": (lambda m, x: m.layer(x), lambda: nn.FractionalMaxPool2d(2, 4)),
    "local response norm": (lambda m, x: m.layer(x), lambda: nn.LocalResponseNorm(4, alpha=0.3)),
    "filters of frequencies": (transformed, lambda: None),
    "real and imaginary parts": (in_parts, lambda: None),
}
GROUPS = {"unfold": [16, 24, 12]}


@pytest.mark.parametrize("name", NETWORKS)
def test_all_channels_are_elastic(name: str) -> None:
    run, layer = NETWORKS[name]
    space = SearchSpace(resolutions=(SIDE,), divisor=2, groups="layer")
    supernet = Supernet(Network(run, layer()), torch.empty(1, 3, SIDE, SIDE), space)
    groups = [group.num_channels for group in supernet.channels.groups]
    assert groups == GROUPS.get(name, [16, 12])
    assert {each.operation for each in supernet.channels.kept} <= {"aten.affine_grid_generator"}
    assert prove(supernet).num_configs == 3


def test_channels_that_a_window_slides_along_keep_their_order() -> None:
    """Sorting them by importance would change what is normalised together."""
    space = SearchSpace(resolutions=(SIDE,), divisor=2, groups="layer")
    run, layer = NETWORKS["local response norm"]
    supernet = Supernet(Network(run, layer()), torch.empty(1, 3, SIDE, SIDE), space)
    assert supernet.channels.ordered == {0}


def test_channels_that_are_averaged_stay() -> None:
    """With a stride or without zeros around, a window would take others."""
    space = SearchSpace(resolutions=(SIDE,), divisor=2, groups="layer")
    supernet = Supernet(
        Network(lambda m, x: F.avg_pool3d(x[:, None], (2, 1, 1))[:, 0], None),
        torch.empty(1, 3, SIDE, SIDE),
        space,
    )
    assert [group.num_channels for group in supernet.channels.groups] == [12]
    assert [each.why for each in supernet.channels.kept] == ["pooled over"]
