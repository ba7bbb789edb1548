"""torchvision's MobileNetV2 (Sandler et al. 2018), with an option for small images."""

from typing import cast

from torch import nn

# t, c, n, s of the paper's table 2; with small_input the second stage keeps the resolution.
STAGES = (
    *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
    *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
)


def mobilenet_v2(
    num_classes: int = 1000, *, width_mult: float = 1.0, small_input: bool = False
) -> nn.Module:
    """Build torchvision's MobileNetV2.

    Args:
        num_classes: outputs of the classifier.
        width_mult: multiplies all channels, rounded to multiples of 8.
        small_input: for images of 28-64 px: the stem and the second stage keep the resolution,
            so that the last feature map of a 32 px image has 4 px a side.
    """
    from torchvision.models import MobileNetV2  # takes seconds to import

    stages = [list(stage) for stage in STAGES]
    if small_input:
        stages[1][3] = 1
    model = MobileNetV2(
        num_classes=num_classes, width_mult=width_mult, inverted_residual_setting=stages
    )
    if small_input:
        model.features[0][0].stride = (1, 1)
    return cast(nn.Module, model)
