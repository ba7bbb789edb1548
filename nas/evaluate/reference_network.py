"""The network of the reference workload (see `nas.meter.reference_workload`).

A matrix product would not do: on a disturbed machine it took 1.1 times as long while a
convolutional network took 1.7 times, because it neither exchanges data between cores after each
layer nor reads its weights from a shared cache. The reference is therefore a small network that
does both: narrow layers on a larger image, then wide layers with 10 MB of weights (inverted
residuals as in MobileNetV2, section 3.3, without the shortcut).
"""

import functools

import torch
from torch import nn

from nas.meter.reference_workload import ReferenceWorkload, speed_file
from nas.runtimes import CompiledNetwork, Runtime, load_runtime
from nas.runtimes.mixed import in_dtype


def reference_network() -> nn.Module:
    """The reference network for images (N, 3, 64, 64), always with the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = [*_conv(3, 32, 3, stride=2), *_inverted(32, 64), *_inverted(32, 64)]
        layers += [*_conv(32, 384, 3, stride=16), *_inverted(384, 1536), *_inverted(384, 1536)]
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


def reference_images() -> torch.Tensor:
    """One image of uniform noise for the reference network: (1, 3, 64, 64)."""
    return torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def reference_workload(runtime: Runtime) -> ReferenceWorkload:
    """The reference workload in this runtime; its network is compiled once per process."""
    # In float32 where networks are int8: it measures the machine, and needs no images to calibrate.
    first = in_dtype(runtime, None).dtype
    dtype = "float32" if first == "int8" else first
    settings = (runtime.name, runtime.device, runtime.num_threads, dtype)
    target = f"{runtime.version} {' '.join(map(str, settings))} threads"
    return ReferenceWorkload(_compiled(*settings), target, speed_file())


@functools.cache
def _compiled(name: str, device: str, num_threads: int, dtype: str) -> CompiledNetwork:
    runtime = load_runtime(name, device=device, num_threads=num_threads, dtype=dtype)
    return runtime.compile(reference_network(), reference_images())


def _conv(
    in_channels: int, out_channels: int, size: int = 1, *, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    padding = size // 2
    return [nn.Conv2d(in_channels, out_channels, size, stride, padding, groups=groups), nn.ReLU()]


def _inverted(channels: int, expanded: int) -> list[nn.Module]:
    depthwise = _conv(expanded, expanded, 3, groups=expanded)
    return [*_conv(channels, expanded), *depthwise, *_conv(expanded, channels)]
