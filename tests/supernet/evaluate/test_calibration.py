import numpy as np
import pytest
import torch
from torch import nn

from supernet.errors import DataError, ModelError
from supernet.evaluate.calibration import calibrate_bn


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Dropout(0.5), nn.Conv2d(5, 4, 3)
    )


def images(count: int) -> torch.Tensor:
    return torch.randn(count, 3, 12, 12, generator=torch.Generator().manual_seed(1)) * 2 + 0.7


@pytest.mark.parametrize("sizes", [[50], [20, 20, 10], [1, 49]])
def test_mean_and_variance_are_numpys_over_all_images(sizes: list[int]) -> None:
    net = network()
    calibrate_bn(net, images(50).split(sizes))
    norm = net[1]
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    with torch.no_grad():
        seen = net[0](images(50)).double().numpy()
    np.testing.assert_allclose(norm.running_mean.numpy(), seen.mean(axis=(0, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(norm.running_var.numpy(), seen.var(axis=(0, 2, 3)), rtol=1e-5)


def test_with_one_batch_eval_mode_computes_what_train_mode_does() -> None:
    net = nn.Sequential(*network()[:3], nn.Conv2d(5, 4, 3), nn.BatchNorm2d(4))
    x = images(30)
    expected = net.train()(x).detach()
    calibrate_bn(net, [x])
    torch.testing.assert_close(net.eval()(x), expected, rtol=1e-4, atol=1e-5)


def test_the_order_of_earlier_statistics_does_not_matter() -> None:
    first, second = network(), network()
    calibrate_bn(second, [images(50) * 3])  # a history that must leave no trace
    for net in (first, second):
        calibrate_bn(net, [images(50)])
    for name, buffer in first.named_buffers():
        assert torch.equal(buffer, second.get_buffer(name)), name


def test_weights_modes_and_momentum_stay() -> None:
    net = network().eval()
    net[3].train()
    weights = {name: p.clone() for name, p in net.named_parameters()}
    calibrate_bn(net, [images(10)])
    assert all(torch.equal(p, weights[name]) for name, p in net.named_parameters())
    assert [module.training for module in net] == [False, False, False, True, False]
    assert net[1].momentum == 0.1
    assert net[1].num_batches_tracked == 0
    assert not net[1]._forward_hooks


def test_when_it_fails_everything_is_as_before() -> None:
    net = network().train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(RuntimeError):
        calibrate_bn(net, [images(10), torch.zeros(1, 7, 12, 12)])
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(module.training for module in net)
    assert net[1].momentum == 0.1


def test_no_images_is_an_error() -> None:
    with pytest.raises(DataError, match="at least one image"):
        calibrate_bn(network(), [])


def test_statistics_that_are_not_finite_are_refused_by_name() -> None:
    net = network()
    with pytest.raises(ModelError, match=r"statistics of 1\.running_mean are not"):
        calibrate_bn(net, [images(10), images(10) * float("inf")])
    assert torch.equal(net.get_buffer("1.running_mean"), torch.zeros(5))
