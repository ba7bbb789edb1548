import torch
from torch import nn

from nas.runtimes.eager import Eager


def test_the_pool_of_threads_has_the_size_asked_for() -> None:
    before = torch.get_num_threads()
    try:
        assert Eager("cpu", 1).num_threads == 1
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_bn_is_folded() -> None:
    calls = []
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    compiled = Eager("cpu", torch.get_num_threads()).compile(network, torch.zeros(1, 3, 2, 2))
    with torch.autograd.profiler.profile() as profile:
        compiled.run()
    calls = [event.name for event in profile.function_events or []]
    assert any("convolution" in call for call in calls)
    assert not any("batch_norm" in call for call in calls)
