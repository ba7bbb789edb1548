"""A network without an elastic channel, for tests/supernet/train/test_training.py."""

from torch import nn
from torch.nn.utils.parametrizations import orthogonal


def orthogonal_layers(num_classes: int) -> nn.Module:
    """Weights that are orthogonal as a whole cannot be cut."""
    layers = orthogonal(nn.Conv2d(3, 16, 3)), nn.ReLU(), orthogonal(nn.Conv2d(16, 32, 3))
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), orthogonal(nn.Linear(32, num_classes))
    return nn.Sequential(*layers, *head)
