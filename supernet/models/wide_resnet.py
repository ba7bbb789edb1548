"""Wide residual networks for small images (Zagoruyko & Komodakis 2016, arXiv:1605.07146)."""

from typing import cast

from torch import Tensor, nn

from supernet.errors import ModelError


class WideResNet(nn.Module):
    """WRN-depth-widen: three stages of pre-activation blocks, for images of 28-64 px.

    Args:
        num_classes: outputs of the classifier.
        depth: 6 n + 4, n blocks a stage; raises ModelError otherwise.
        widen: the stages have 16, 32 and 64 times this many channels.
        small_input: False replaces the paper's 3x3 stem by a stride-2 convolution and max-pooling,
            for images of more than 64 px.
        stem_stride: stride of the 3x3 stem; 2 halves all feature maps, for a quarter of the MACs.
    """

    def __init__(
        self,
        num_classes: int = 10,
        *,
        depth: int = 28,
        widen: int = 10,
        small_input: bool = True,
        stem_stride: int = 1,
    ) -> None:
        super().__init__()
        if depth < 10 or (depth - 4) % 6:
            raise ModelError(f"`depth = 6 n + 4` must hold for a WideResNet, but got {depth}")
        stem: list[nn.Module] = [nn.Conv2d(3, 16, 3, stem_stride, padding=1, bias=False)]
        if not small_input:
            stem = [
                nn.Conv2d(3, 16, 7, stride=2, padding=3, bias=False),
                nn.MaxPool2d(3, stride=2, padding=1),
            ]
        self.stem = nn.Sequential(*stem)
        blocks, channels = [], 16
        for stage in range(3):
            for block in range((depth - 4) // 6):
                stride = 2 if stage and not block else 1
                blocks.append(_Block(channels, (16 << stage) * widen, stride))
                channels = (16 << stage) * widen
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.BatchNorm2d(channels)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, num_classes) of images (batch, 3, side, side)."""
        x = self.norm(self.blocks(self.stem(x))).relu()
        return cast(Tensor, self.classifier(self.pool(x).flatten(1)))


class _Block(nn.Module):
    """BN-ReLU-conv twice, plus the input (through a 1x1 convolution where shapes differ)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.shortcut = (
            nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            if stride > 1 or in_channels != out_channels
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        activated = self.norm1(x).relu()
        shortcut = x if self.shortcut is None else self.shortcut(activated)
        return cast(Tensor, self.conv2(self.norm2(self.conv1(activated)).relu()) + shortcut)
