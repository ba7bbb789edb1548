import pytest
import torch

from supernet.errors import ModelError
from supernet.models.wide_resnet import WideResNet


@pytest.mark.parametrize(("depth", "widen", "millions"), [(16, 2, 0.7), (28, 10, 36.5)])
def test_it_has_the_papers_parameters(depth: int, widen: int, millions: float) -> None:
    with torch.device("meta"):
        model = WideResNet(10, depth=depth, widen=widen)
    num_params = sum(parameter.numel() for parameter in model.parameters())
    assert round(num_params / 1e6, 1) == millions  # table 3 and table 5


@pytest.mark.parametrize(
    ("options", "side"),
    [({}, 8), ({"stem_stride": 2}, 4), ({"small_input": False}, 2)],
)
def test_stem_options_decide_the_last_feature_map(options: dict[str, int], side: int) -> None:
    model = WideResNet(10, depth=10, widen=1, **options).eval()  # type: ignore[arg-type]
    features = model.blocks(model.stem(torch.zeros(1, 3, 32, 32)))
    assert features.shape[-2:] == (side, side)


def test_a_depth_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ModelError, match="depth = 6 n"):
        WideResNet(10, depth=20, widen=1)
