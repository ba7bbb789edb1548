"""MobileNetV1 (Howard et al. 2017, arXiv:1704.04861, table 1)."""

from typing import cast

from torch import Tensor, nn

# (output channels, stride) of the thirteen depthwise separable blocks.
BLOCKS = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1)),
)


class MobileNetV1(nn.Module):
    """Depthwise separable convolutions; 568.7 M MACs at 224 px with 1,000 classes.

    Args:
        num_classes: outputs of the classifier.
        width_mult: multiplies all channels, rounded to multiples of 8.
        small_input: for images of 28-64 px: the stem and the first downsampling block keep the
            resolution, so that the last feature map of a 32 px image has 4 px a side.
    """

    def __init__(
        self, num_classes: int = 1000, *, width_mult: float = 1.0, small_input: bool = False
    ) -> None:
        super().__init__()
        channels = _scaled(32, width_mult)
        layers = _conv_bn_relu(3, channels, kernel_size=3, stride=1 if small_input else 2)
        keep_first = small_input
        for out_channels, stride in BLOCKS:
            if stride == 2 and keep_first:
                stride, keep_first = 1, False
            width = _scaled(out_channels, width_mult)
            layers += _conv_bn_relu(
                channels, channels, kernel_size=3, stride=stride, groups=channels
            )
            layers += _conv_bn_relu(channels, width, kernel_size=1)
            channels = width
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, num_classes) of images (batch, 3, side, side)."""
        return cast(Tensor, self.classifier(self.pool(self.features(x)).flatten(1)))


def _scaled(channels: int, width_mult: float) -> int:
    return max(8, int(channels * width_mult + 4) // 8 * 8)


def _conv_bn_relu(
    in_channels: int, out_channels: int, *, kernel_size: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    return [
        nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=kernel_size // 2,
            groups=groups,
            bias=False,
        ),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    ]
