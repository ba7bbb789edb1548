"""torchvision's ViT at any resolution: its position embeddings are interpolated.

As in its paper for fine-tuning (Dosovitskiy et al., ICLR 2021, section 3.2).
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torchvision.models.vision_transformer import VisionTransformer, interpolate_embeddings

POSITIONS = "encoder.pos_embedding"


class ResizableVisionTransformer(VisionTransformer):  # type: ignore[misc]
    """The same parameters; at its `image_size` the same outputs."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, classes) of square images."""
        patches = self.conv_proj(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(len(x), -1, -1), patches], dim=1)
        encoder = self.encoder
        known = OrderedDict({POSITIONS: encoder.pos_embedding})
        tokens = tokens + interpolate_embeddings(x.shape[-1], self.patch_size, known)[POSITIONS]
        logits: Tensor = self.heads(encoder.ln(encoder.layers(encoder.dropout(tokens)))[:, 0])
        return logits


def make_resizable(model: nn.Module) -> None:
    """Let `model` take images of any size if it is torchvision's ViT; in place."""
    if type(model) is VisionTransformer:
        model.__class__ = ResizableVisionTransformer
