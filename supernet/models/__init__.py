"""Networks of the papers that torchvision lacks, and all networks by name."""

from supernet.models.mobilenet_v1 import MobileNetV1
from supernet.models.mobilenet_v2 import mobilenet_v2
from supernet.models.registry import build_model, known_models
from supernet.models.wide_resnet import WideResNet

__all__ = ["MobileNetV1", "WideResNet", "build_model", "known_models", "mobilenet_v2"]
