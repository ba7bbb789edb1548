"""Each rule against the operation itself: labels must end where the data ends."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from supernet.tracing import Trace, follow_paths

MOVES: dict[str, tuple[Callable[[Tensor], Tensor], int, list[int]]] = {
    "flip": (lambda x: x.flip(1), 1, [4, 3, 2, 1]),
    "roll": (lambda x: x.roll(1, 1), 1, [4, 1, 2, 3]),
    "permute": (lambda x: x.permute(0, 2, 3, 1), 3, [1, 2, 3, 4]),
    "flatten": (lambda x: x[:, :, :1, :2].flatten(1), 1, [1, 1, 2, 2, 3, 3, 4, 4]),
    "repeat": (lambda x: x.repeat(1, 2, 1, 1), 1, [1, 2, 3, 4, 1, 2, 3, 4]),
    "cat": (lambda x: torch.cat([x, x.flip(1)], 1), 1, [1, 2, 3, 4, 4, 3, 2, 1]),
    "stack": (lambda x: torch.stack([x, x], 1), 2, [1, 2, 3, 4]),
    "pad": (lambda x: nn.functional.pad(x, (0, 0, 0, 0, 1, 0)), 1, [0, 1, 2, 3, 4]),
    "halves": (lambda x: x.chunk(2, 1)[1], 1, [1, 2]),
    "unshuffle": (
        lambda x: nn.functional.pixel_unshuffle(x, 2)[:, :, :1],
        1,
        [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4,
    ),
}


class Move(nn.Module):
    def __init__(self, move: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.move = nn.Conv2d(3, 4, 1, bias=False), move

    def forward(self, x: Tensor) -> None:
        self.move(self.first(x))


@pytest.mark.parametrize("name", MOVES)
def test_channel_labels_move_with_the_data(name: str) -> None:
    move, dim, expected = MOVES[name]
    model = Move(move).to("meta")
    trace = Trace(model, divisor=1)
    with follow_paths(model) as paths:
        trace.run(model, (torch.empty(2, 3, 8, 8, device="meta"),), paths)
    made = trace.labelling.axes["first.weight"][0]
    assert made is not None
    first = int(made[0]) - 1
    _, axes = trace.passes[0][-1].outputs[-1]
    labels = axes[dim]
    assert labels is not None
    roots = trace.labelling.labels.roots(labels)
    assert torch.where(roots > 0, roots - first, 0).tolist() == expected
