import pytest
import torch
from torch import Tensor, nn

from supernet.elastic.requirements import require_convertible
from supernet.elastic.supernet import Supernet
from supernet.errors import ModelError
from supernet.space import SearchSpace


class Listed(nn.Module):
    """Holds its layers in a list that PyTorch does not see."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = [nn.Conv2d(3, 8, 1), {"head": (nn.Conv2d(8, 2, 1),)}]

    def forward(self, x: Tensor) -> Tensor:
        return x


@pytest.mark.parametrize(
    ("model", "match"),
    [
        (nn.Sequential(Listed()), r"those in the attribute 0\.blocks are missing"),
        (nn.Sequential(nn.LazyConv2d(8, 1)), "those of 0 have none yet: run the network once"),
    ],
)
def test_what_cannot_be_converted_is_refused_by_name(model: nn.Module, match: str) -> None:
    with pytest.raises(ModelError, match=match) as caught:
        Supernet(model, torch.empty(1, 3, 8, 8), SearchSpace(resolutions=(8,)))
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_compiled_network_is_refused() -> None:
    traced = torch.jit.trace(nn.Conv2d(3, 8, 1), torch.empty(1, 3, 8, 8))
    for model, where in ((traced, "the network itself"), (nn.Sequential(traced), "0")):
        with pytest.raises(ModelError, match=f"but {where} is compiled by torch.jit"):
            require_convertible(model)


def test_a_list_of_registered_layers_and_a_frozen_teacher_are_allowed() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 1))
    model.also = [model[0]]  # type: ignore[assignment]
    model.teacher = [nn.Conv2d(3, 8, 1).requires_grad_(False)]  # type: ignore[assignment]
    require_convertible(model)
