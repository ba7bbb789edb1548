"""Recurrent layers narrow in what they take and in their hidden size."""

import random
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from supernet.elastic.supernet import Supernet
from supernet.proof import prove
from supernet.space import SearchSpace, SubnetConfig

SIDE = 8
SPACE = SearchSpace(resolutions=(SIDE,), divisor=2, groups="layer")


class Rows(nn.Module):
    """Features of an image, read position by position."""

    def __init__(self, layer: nn.RNNBase, out: int) -> None:
        super().__init__()
        self.features, self.layer = nn.Conv2d(3, 16, 2, 2), layer
        self.classifier = nn.Linear(out, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x).flatten(2).transpose(1, 2)
        logits: Tensor = self.classifier(self.layer(x)[0].mean(1))
        return logits


LAYERS: dict[str, tuple[Callable[[], nn.RNNBase], int]] = {
    "rnn": (lambda: nn.RNN(16, 20, batch_first=True), 20),
    "lstm": (lambda: nn.LSTM(16, 20, batch_first=True), 20),
    "both directions": (lambda: nn.GRU(16, 20, batch_first=True, bidirectional=True), 40),
    "two layers": (lambda: nn.LSTM(16, 20, 2, batch_first=True, bidirectional=True), 40),
    "projected": (lambda: nn.LSTM(16, 20, 2, batch_first=True, proj_size=12), 12),
}


def test_computed_weights_are_no_obstacle() -> None:
    layer = nn.LSTM(16, 20, batch_first=True)
    parametrizations.weight_norm(layer, "weight_hh_l0")
    parametrizations.weight_norm(layer, "weight_ih_l0")
    supernet = Supernet(Rows(layer, 20), torch.empty(1, 3, SIDE, SIDE), SPACE)
    assert any("layer" in each.path for each in supernet.channels.kept)


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("name", LAYERS)
def test_all_is_elastic_and_exact(name: str) -> None:
    torch.manual_seed(0)
    make, out = LAYERS[name]
    images = torch.randn(2, 3, SIDE, SIDE)
    supernet = Supernet(Rows(make(), out), images, SPACE)
    sizes = [group.num_channels for group in supernet.channels.groups]
    assert sorted(sizes) == ([16] if name == "projected" else [16, 20])
    assert bool(supernet.channels.kept) == (name == "projected")
    assert prove(supernet).num_configs == 3
    supernet.eval()
    for seed in range(3):
        config = SubnetConfig(
            width_mults=supernet.space.random_widths(random.Random(seed)), resolution=SIDE
        )
        extracted = supernet.extract(config).eval()
        layer = extracted.get_submodule("layer")
        assert isinstance(layer, nn.RNNBase)
        assert isinstance(extracted, Rows)
        weights = dict(layer.named_parameters())
        assert (
            weights["weight_ih_l0"].shape[1] == layer.input_size == len(extracted.features.weight)
        )
        gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[type(layer).__name__]
        assert len(weights["weight_hh_l0"]) == gates * layer.hidden_size
        with torch.inference_mode():
            torch.testing.assert_close(extracted(images), supernet(images, config))
