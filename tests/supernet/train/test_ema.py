import torch
from torch import nn

from supernet.train.ema import Ema


def test_the_average_follows_the_weights() -> None:
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(1.0)
        ema = Ema(model, 0.5)
        model.weight.fill_(3.0)
    for step in (100, 101):
        ema.update(step)
    assert ema.weights["weight"].item() == 2.5  # 1, then half of 1 and 3, then half of 2 and 3
    with ema.in_place():
        assert model.weight.item() == 2.5
    assert model.weight.item() == 3.0
    ema.put()
    assert model.weight.item() == 2.5


def test_the_first_steps_forget_the_initial_weights() -> None:
    model = nn.Linear(1, 1, bias=False)
    ema = Ema(model, 0.999)
    with torch.no_grad():
        model.weight.fill_(3.0)
    for step in range(20):
        ema.update(step)
    assert abs(ema.weights["weight"].item() - 3.0) < 0.01


def test_without_a_decay_there_is_no_average() -> None:
    model = nn.Linear(1, 1)
    ema = Ema(model, None)
    ema.update(0)
    ema.put()
    assert not ema.weights
