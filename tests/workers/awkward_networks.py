"""Networks with awkward habits, for tests/supernet/train/test_awkward.py: right or refused.

Each is a class that takes the number of classes. `Base` is a plain one; the others change a thing.
"""

import copy
import random
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint
from torchvision.ops import StochasticDepth


def block(c_in: int, c_out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()
    )


class Base(nn.Module):
    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.stem, self.body = block(3, 16, 2), block(16, 16)
        self.tail = block(16, 32, 2)
        self.head = nn.Linear(32, num_classes)

    def features(self, x: Tensor) -> Any:
        return self.tail(self.body(self.stem(x))).mean((2, 3))

    def forward(self, x: Tensor) -> Any:
        return self.head(self.features(x))


# Randomness: whole layers, branches and noise, from three generators and from own ones.


class TorchCoin(Base):
    def features(self, x: Tensor) -> Any:
        x = self.stem(x)
        if not self.training or torch.rand(()) < 0.5:
            x = x + self.body(x)
        return self.tail(x).mean((2, 3))


class PythonCoin(Base):
    def features(self, x: Tensor) -> Any:
        x = self.stem(x)
        if not self.training or random.random() < 0.5:
            x = x + self.body(x)
        return self.tail(x).mean((2, 3))


class NumpyCoin(Base):
    def features(self, x: Tensor) -> Any:
        x = self.stem(x)
        if not self.training or np.random.rand() < 0.5:
            x = x + self.body(x)
        return self.tail(x).mean((2, 3))


class TwoBranches(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.other = block(16, 16)

    def features(self, x: Tensor) -> Any:
        x = self.stem(x)
        if self.training:
            x = (self.body, self.other)[int(torch.rand(()) < 0.5)](x)
        else:
            x = self.body(x) + self.other(x)
        return self.tail(x).mean((2, 3))


class Dropped(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(32, num_classes))  # type: ignore[assignment]


class DroppedDepth(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.depth = StochasticDepth(0.5, "row")

    def features(self, x: Tensor) -> Any:
        x = self.stem(x)
        return self.tail(x + self.depth(self.body(x))).mean((2, 3))


class Noise(Base):
    def features(self, x: Tensor) -> Any:
        x = super().features(x)
        return x + 0.1 * torch.randn_like(x) if self.training else x


class OwnGenerator(Base):
    """Draws from a generator of its own, whose state no checkpoint holds."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.coins = random.Random(1)

    def features(self, x: Tensor) -> Any:
        x = self.stem(x)
        if not self.training or self.coins.random() < 0.5:
            x = x + self.body(x)
        return self.tail(x).mean((2, 3))


# Shared tensors.


class Alias(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.classifier = self.head


class SequentialBeside(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.all = nn.Sequential(self.stem, self.body, self.tail)

    def features(self, x: Tensor) -> Any:
        return self.all(x).mean((2, 3))


class SharedBlock(Base):
    def features(self, x: Tensor) -> Any:
        x = self.stem(x)
        return self.tail(self.body(self.body(x))).mean((2, 3))


class SharedWeight(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.more = block(16, 16)
        self.more[0].weight = self.body[0].weight

    def features(self, x: Tensor) -> Any:
        x = self.more(self.body(self.stem(x)))
        return self.tail(x).mean((2, 3))


class TiedHeads(Base):
    """Two linear layers with one weight."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.again = nn.Linear(32, num_classes)
        self.again.weight = self.head.weight

    def forward(self, x: Tensor) -> Any:
        x = self.features(x)
        return self.head(x) + self.again(x.relu())


class SharedBuffer(Base):
    scale: Tensor
    same_scale: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.register_buffer("scale", torch.full((1,), 0.5))
        self.register_buffer("same_scale", self.scale)

    def features(self, x: Tensor) -> Any:
        return super().features(x) * self.scale * self.same_scale


class WeightUsedTwice(Base):
    """The first layer's weight also serves functionally."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.first = nn.Conv2d(3, 16, 3, 2, 1, bias=False)
        self.stem[0] = self.first

    def features(self, x: Tensor) -> Any:
        x = self.stem(x) + F.conv2d(x, self.first.weight, stride=2, padding=1)
        return self.tail(self.body(x)).mean((2, 3))


# What a state dict holds besides tensors.


class ExtraDictionary(Base):
    def get_extra_state(self) -> Any:
        return {"version": 3, "names": ["a", "b"]}

    def set_extra_state(self, state: Any) -> None:
        assert state == {"version": 3, "names": ["a", "b"]}


class ExtraTensor(Base):
    def get_extra_state(self) -> Any:
        return torch.arange(3)

    def set_extra_state(self, state: Any) -> None:
        assert torch.equal(state, torch.arange(3))


class ExtraObject(Base):
    """Holds what no file without pickle can."""

    def get_extra_state(self) -> Any:
        return {"coins": random.Random(0)}

    def set_extra_state(self, state: Any) -> None:
        assert isinstance(state["coins"], random.Random)


class Versioned(Base):
    _version = 2

    def _load_from_state_dict(self, state: Any, prefix: str, metadata: Any, *rest: Any) -> None:
        if metadata.get("version") != 2:
            raise ValueError("version should be set to 2")
        super()._load_from_state_dict(state, prefix, metadata, *rest)


class NotPersistent(Base):
    scale: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.register_buffer("scale", torch.tensor(0.5), persistent=False)

    def features(self, x: Tensor) -> Any:
        return super().features(x) * self.scale


class RandomNotPersistent(Base):
    """A fixed random projection that no checkpoint holds, so that it is another when rebuilt."""

    projection: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.register_buffer("projection", torch.randn(32, 32), persistent=False)

    def features(self, x: Tensor) -> Any:
        return super().features(x) @ self.projection


class RandomConstant(Base):
    """The same as a plain attribute."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.projection = torch.randn(32, 32)

    def features(self, x: Tensor) -> Any:
        return super().features(x) @ self.projection


# State that a forward pass keeps.


class CountedSteps(Base):
    """Noise that fades with the number of forward passes."""

    passes: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.register_buffer("passes", torch.zeros(()))

    def features(self, x: Tensor) -> Any:
        if self.training:
            self.passes += 1
        return super().features(x) * (1 + 1 / (1 + self.passes))


class CountedInAttribute(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.passes = 0

    def features(self, x: Tensor) -> Any:
        if self.training:
            self.passes += 1
        return super().features(x) * (1 + 1 / (1 + self.passes))


class OwnBatchNorm(nn.Module):
    """Running statistics by hand, in buffers."""

    mean: Tensor
    square: Tensor

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(num_channels))
        self.register_buffer("mean", torch.zeros(num_channels))
        self.register_buffer("square", torch.ones(num_channels))

    def forward(self, x: Tensor) -> Any:
        mean, square = self.mean, self.square
        if self.training:
            mean, square = x.float().mean((0, 2, 3)), x.float().square().mean((0, 2, 3))
            with torch.no_grad():
                self.mean.lerp_(mean, 0.1)
                self.square.lerp_(square, 0.1)
        scale = self.weight * (square - mean.square() + 1e-5).rsqrt()
        return (x - mean[:, None, None]) * scale[:, None, None]


class NormByHand(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.body[1] = OwnBatchNorm(16)


class CachedGrid(Base):
    """Makes a constant in its first pass: no state that matters."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.grid: Tensor | None = None

    def forward(self, x: Tensor) -> Any:
        side = x.shape[-1]
        if self.grid is None or self.grid.shape[-1] != side or self.grid.device != x.device:
            self.grid = torch.linspace(-1, 1, side, device=x.device)
        return self.head(self.features(x + self.grid))


# Frozen parts.


class FrozenStem(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.stem.requires_grad_(False)


class FrozenNorms(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.requires_grad_(False)


class AllFrozen(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.requires_grad_(False)


class NormsInEval(Base):
    """Keeps its BN layers in evaluation mode, as people who fine-tune do."""

    def train(self, mode: bool = True) -> "NormsInEval":
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


class Unused(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.forgotten = nn.Linear(5, 5)


# Number types.


class Double(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.double()


class Brain(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.bfloat16()


class DoubleHead(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.head.double()

    def forward(self, x: Tensor) -> Any:
        return self.head(self.features(x).double())


class Complex(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.filter = nn.Parameter(torch.ones(16, 1, 1, dtype=torch.complex64))

    def features(self, x: Tensor) -> Any:
        x = self.stem(x).float()
        x = torch.fft.ifft2(torch.fft.fft2(x) * self.filter).real
        return self.tail(self.body(x)).mean((2, 3))


# Normalisation.


class NormAfterPooling(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.norm = nn.BatchNorm1d(32)

    def features(self, x: Tensor) -> Any:
        return self.norm(super().features(x))


class NormWithoutStatistics(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.body[1] = nn.BatchNorm2d(16, track_running_stats=False)


class CumulativeNorm(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.body[1] = nn.BatchNorm2d(16, momentum=None, affine=False)


class GroupNormed(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.body[1] = nn.GroupNorm(4, 16)


class Synchronised(Base):
    """Averages over processes in its own way: BN is ordinary here, unless `sync_bn` is set."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.body[1] = nn.SyncBatchNorm(16)


class WarmsUp(Base):
    """Goes another way once its BN has seen a few batches."""

    def features(self, x: Tensor) -> Any:
        x = self.stem(x)
        seen = self.stem.get_buffer("1.num_batches_tracked")
        return self.tail(x if seen < 6 else self.body(x)).mean((2, 3))


class NumberInBuffer(Base):
    """Decides by a number that never changes."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.register_buffer("depth", torch.tensor(1.5))

    def features(self, x: Tensor) -> Any:
        x = self.stem(x)
        if self.get_buffer("depth") > 1:
            x = self.body(x)
        return self.tail(x).mean((2, 3))


class GatedByMaximum(Base):
    """Attention to positions by the largest channel and the mean, expanded to all channels."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.gate = nn.Conv2d(2, 1, 3, padding=1)

    def features(self, x: Tensor) -> Any:
        x = self.body(self.stem(x))
        pooled = torch.stack([x.max(1)[0], x.mean(1)], 1)
        return self.tail(x * self.gate(pooled).sigmoid().expand_as(x)).mean((2, 3))


class DirectCalls(Base):
    """Calls `forward` itself, past all hooks."""

    def features(self, x: Tensor) -> Any:
        x = self.stem(x)
        x = self.body[1].forward(self.body[0].forward(x)).relu()
        return self.tail(x).mean((2, 3))


# Outputs, hooks, parametrisations and the like.


class AuxiliaryHead(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.auxiliary = nn.Linear(16, num_classes)

    def forward(self, x: Tensor) -> Any:
        x = self.body(self.stem(x))
        logits = self.head(self.tail(x).mean((2, 3)))
        return (logits, self.auxiliary(x.mean((2, 3)))) if self.training else logits


class FeaturesFirst(Base):
    def forward(self, x: Tensor) -> Any:
        features = self.features(x)
        return features, self.head(features)


class Dictionary(Base):
    def forward(self, x: Tensor) -> Any:
        return {"logits": self.head(self.features(x))}


class Checkpointed(Base):
    def features(self, x: Tensor) -> Any:
        x = checkpoint(self.body, self.stem(x), use_reentrant=False)
        return self.tail(x).mean((2, 3))


class WeightNormed(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        parametrizations.weight_norm(self.body[0])


class SpectralNormed(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        parametrizations.spectral_norm(self.body[0])


class GradientHook(Base):
    """Scales a gradient by a hook on the parameter, which a copy of the network would lose."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.head.weight.register_hook(lambda gradient: gradient * 0.5)


class ForwardHook(Base):
    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.body.register_forward_hook(lambda _module, _args, output: output * 2)


class InPlace(Base):
    def features(self, x: Tensor) -> Any:
        x = (self.body(self.stem(x)) + 1).mul_(2).add_(1)
        return self.tail(x).mean((2, 3))


class EmaTeacher(Base):
    """Holds an average of itself that moves with each forward pass in training."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.teacher = copy.deepcopy(self.head).requires_grad_(False)

    def forward(self, x: Tensor) -> Any:
        features = self.features(x)
        if self.training:
            with torch.no_grad():
                self.teacher.weight.lerp_(self.head.weight, 0.1)
        return self.head(features) + self.teacher(features)


NETWORKS = {
    name: value
    for name, value in list(globals().items())
    if isinstance(value, type) and issubclass(value, Base)
}
