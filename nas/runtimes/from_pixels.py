"""FromPixels: a network with its normalisation in front; this is what is timed, scored and shipped.

Whoever runs it gives it the pixels of an image and can't normalise them wrongly. Since it is timed
in this form in every runtime, a latency holds for the very file that is shipped.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

INPUT_FORM = "uint8 NHWC, normalised in the network"
"""For a target's details: latencies of networks with another input can't be compared."""


class FromPixels(nn.Module):
    """`network` for uint8 pixels (N, side, side, channels) rather than normalised images.

    Args:
        network: takes float images (N, channels, side, side); kept, not copied.
        mean: of each channel, for images in 0..1.
        std: likewise.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.mean, self.std = tuple(mean), tuple(std)
        # The same float32 numbers as in supernet.data.preprocess.normalise.
        self.register_buffer("shift", torch.tensor(mean).mul(255).view(1, -1, 1, 1))
        self.register_buffer("scale", torch.tensor(std).mul(255).view(1, -1, 1, 1))
        self.train(network.training)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits (N, classes)."""
        logits: Tensor = self.network(self.normalised(pixels))
        return logits

    def normalised(self, pixels: Tensor) -> Tensor:
        """What the network itself takes: (N, channels, side, side) in the network's dtype.

        In the order in memory that the weights have. Pixels come in channels-last order, which
        makes an exported graph gather what follows an average pooling by the subnet's own channel
        counts: slower, and of use to no other subnet.
        """
        images = (pixels.permute(0, 3, 1, 2).float() - self.shift) / self.scale
        return images.to(self._dtype()).contiguous(memory_format=self._memory_format())

    def around(self, network: nn.Module) -> "FromPixels":
        """The same normalisation in front of another network."""
        return FromPixels(network, self.mean, self.std)

    def compute_in(self, dtype: torch.dtype) -> None:
        """Convert the network; its images are still normalised in float32, then rounded."""
        self.network.to(dtype)

    def _memory_format(self) -> torch.memory_format:
        """Channels-last if a convolution's weights are in that order."""
        filters = (p for p in self.network.parameters() if p.dim() == 4)
        is_plain = all(each.is_contiguous() for each in filters)
        return torch.contiguous_format if is_plain else torch.channels_last

    def _dtype(self) -> torch.dtype:
        """The dtype of the network's weights; float32 for a network without any."""
        floating = (p.dtype for p in self.network.parameters() if p.is_floating_point())
        return next(floating, torch.float32)
