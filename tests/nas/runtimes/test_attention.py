"""Attention in any number of dimensions, as exporters know it."""

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.runtimes.attention import AttentionIn4D
from nas.runtimes.onnx_graph import export_model


@pytest.mark.parametrize("lead", [(3,), (2, 3), (2, 3, 5), (2, 3, 5, 2)])
@pytest.mark.parametrize("mask", [None, "one", "all", "broadcast"])
def test_it_computes_the_same(lead: tuple[int, ...], mask: str | None) -> None:
    query, key = torch.randn(*lead, 7, 4), torch.randn(*lead, 6, 4)
    value = torch.randn(*lead, 6, 2)
    ones = (1,) * (len(lead) - 1)
    shapes = {"one": (7, 6), "all": (*lead, 7, 6), "broadcast": (*ones, lead[-1], 7, 6)}
    given = torch.randn(shapes[mask]) if mask else None
    expected = F.scaled_dot_product_attention(query, key, value, given)
    with AttentionIn4D():
        got = F.scaled_dot_product_attention(query, key, value, attn_mask=given)
    torch.testing.assert_close(got, expected)


class Windows(nn.Module):
    """Attention in windows: (batch, heads, windows, positions, features)."""

    def forward(self, x: Tensor) -> Tensor:
        x = x.view(1, 3, 4, 16, 4)
        return F.scaled_dot_product_attention(x, x, x).flatten(1)


def test_attention_in_five_dimensions_is_exported() -> None:
    images = torch.randn(1, 3, 16, 16)
    model = export_model(Windows(), images).self_contained()
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (got,) = session.run(None, {"images": images.numpy()})
    np.testing.assert_allclose(got, Windows()(images).numpy(), rtol=1e-4, atol=1e-5)
