from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from supernet.elastic.supernet import Supernet
from supernet.errors import ModelError, SpaceError
from supernet.models import MobileNetV1, WideResNet, mobilenet_v2
from supernet.space import SearchSpace, SubnetConfig

SPACE = SearchSpace(resolutions=(32, 28, 24))

MODELS: dict[str, Callable[[], nn.Module]] = {
    "mobilenet_v1": lambda: MobileNetV1(10, small_input=True),
    "mobilenet_v2": lambda: mobilenet_v2(10, small_input=True),
    "wrn_16_2": lambda: WideResNet(10, depth=16, widen=2),
    "wrn_28_10": lambda: WideResNet(10, depth=28, widen=10),
}
LARGE = pytest.param("wrn_28_10", marks=pytest.mark.slow)


@pytest.fixture(scope="module", params=[*list(MODELS)[:-1], LARGE])
def supernet(request: pytest.FixtureRequest) -> Supernet:
    torch.manual_seed(0)
    model = MODELS[request.param]()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):  # or a mistake in their order would not be seen
            assert layer.running_mean is not None
            assert layer.running_var is not None
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
    return Supernet(model, torch.empty(1, 3, 32, 32), SPACE).eval()


def config(width: float, resolution: int = 28) -> SubnetConfig:
    return SubnetConfig(width_mults=(width,), resolution=resolution)


def images(resolution: int = 28) -> torch.Tensor:
    return torch.randn(4, 3, resolution, resolution, generator=torch.Generator().manual_seed(1))


def test_the_full_width_is_bit_for_bit_the_given_network(supernet: Supernet) -> None:
    assert torch.equal(supernet(images(), config(1.0)), supernet.model(images()))


@pytest.mark.parametrize("width", [0.25, 0.37, 0.8, 1.0])
def test_the_extracted_network_computes_what_the_view_computes(
    supernet: Supernet, width: float
) -> None:
    extracted = supernet.extract(config(width))
    torch.testing.assert_close(
        extracted(images()), supernet(images(), config(width)), rtol=1e-5, atol=1e-6
    )


def test_a_subnet_has_the_first_channels_of_every_parameter(supernet: Supernet) -> None:
    subnet = supernet.subnet(config(0.5))
    full = dict(supernet.model.named_parameters())
    for name, parameter in subnet.named_parameters():
        first = full[name][tuple(slice(0, size) for size in parameter.shape)]
        assert torch.equal(parameter, first)
        assert parameter.data_ptr() == full[name].data_ptr()


def test_an_extracted_network_shares_nothing(supernet: Supernet) -> None:
    extracted = supernet.extract(config(0.5))
    theirs = {tensor.data_ptr() for tensor in supernet.model.state_dict().values()}
    for name, tensor in extracted.state_dict().items():
        assert tensor.data_ptr() not in theirs, name
        assert tensor.is_contiguous(), name
    assert all(isinstance(p, nn.Parameter) for p in extracted.parameters())


def test_a_quarter_of_the_width_has_about_a_sixteenth_of_the_parameters(supernet: Supernet) -> None:
    def count(network: nn.Module) -> int:
        return sum(parameter.numel() for parameter in network.parameters())

    share = count(supernet.extract(config(0.25))) / count(supernet.model)
    assert 1 / 16 <= share <= 1.6 / 16


def test_training_a_subnet_changes_no_statistics_of_the_full_network(supernet: Supernet) -> None:
    before = {name: buffer.clone() for name, buffer in supernet.model.named_buffers()}
    supernet.train()
    try:
        supernet(images(), config(0.5)).sum().backward()
    finally:
        supernet.eval()
        supernet.zero_grad()
    for name, buffer in supernet.model.named_buffers():
        assert torch.equal(buffer, before[name]), name


def test_images_of_another_size_are_refused(supernet: Supernet) -> None:
    with pytest.raises(SpaceError, match=r"must be 24 px a side for w0\.5-r24"):
        supernet(images(28), config(0.5, 24))


def test_a_wrong_number_of_widths_is_refused(supernet: Supernet) -> None:
    number = supernet.space.num_groups
    with pytest.raises(SpaceError, match=f"must have 1 or {number} widths, but got {number + 1}"):
        supernet.subnet(SubnetConfig(width_mults=(*[0.5] * number, 1.0), resolution=28))


def test_extraction_gives_the_network_that_the_paper_builds_at_that_width() -> None:
    full = Supernet(MobileNetV1(10), torch.empty(1, 3, 32, 32), SPACE)
    direct = MobileNetV1(10, width_mult=0.5)
    extracted = full.extract(config(0.5))
    direct.load_state_dict(extracted.state_dict())  # strict: the same names and shapes
    direct.eval()
    extracted.eval()
    torch.testing.assert_close(direct(images()), extracted(images()))


def test_a_resolution_that_an_assert_without_a_message_excludes_is_named() -> None:
    class Asserts(nn.Sequential):
        def forward(self, x: Tensor) -> Any:
            if x.shape[-1] < 20:
                raise AssertionError
            return super().forward(x)  # type: ignore[no-untyped-call]

    model = Asserts(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ModelError, match="must run at 16 px, but got: AssertionError; leave out"):
        Supernet(model, torch.empty(1, 3, 32, 32), SearchSpace(resolutions=(32, 16)))


def test_a_resolution_that_the_network_cannot_take_is_named() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 20), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ModelError, match="must run at 16 px"):
        Supernet(model, torch.empty(1, 3, 32, 32), SearchSpace(resolutions=(32, 16)))


def test_a_buffer_in_two_places_stays_one_when_the_supernet_moves() -> None:
    model: Any = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.BatchNorm2d(8))
    model[1].register_buffer("grid", torch.ones(1, 8, 4, 4))
    model[2].register_buffer("grid", model[1].grid)
    model[2].running_mean = model[1].running_mean
    supernet = Supernet(model, torch.empty(1, 3, 32, 32), SearchSpace(resolutions=(32,)))
    for moved in (supernet.to(memory_format=torch.channels_last), supernet.double()):
        assert moved is supernet
        assert model[1].grid is model[2].grid
        assert model[1].running_mean is model[2].running_mean
    assert model[2].grid.dtype == torch.float64


def test_the_digest_of_groups_tells_other_groups_and_depends_on_nothing_else() -> None:
    def digest(layer: nn.Module, divisor: int = 8, how: str = "stage") -> str:
        model = nn.Sequential(nn.Conv2d(3, 16, 1), layer, nn.Conv2d(16, 2, 1))
        space = SearchSpace(resolutions=(32,), divisor=divisor, groups=how)
        return Supernet(model, torch.empty(1, 3, 32, 32), space).groups_digest()

    same = {digest(nn.Conv2d(16, 16, 1)) for seed in range(3) if torch.manual_seed(seed)}
    others = {
        digest(nn.Conv2d(16, 16, 3, padding=1, groups=16)),
        digest(nn.Identity()),
        digest(nn.Conv2d(16, 16, 1), how="layer"),
    }
    assert len(same) == 1
    assert len(same | others) == 4


def test_what_the_network_itself_computes_is_named_after_its_parameter() -> None:
    class Root(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel, self.head = nn.Parameter(torch.randn(16, 3, 1, 1)), nn.Conv2d(16, 2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(torch.conv2d(x, self.kernel))  # type: ignore[no-any-return]

    supernet = Supernet(Root(), torch.empty(1, 3, 32, 32), SearchSpace(resolutions=(32,)))
    assert [group.layers for group in supernet.channels.groups] == [("kernel",)]
