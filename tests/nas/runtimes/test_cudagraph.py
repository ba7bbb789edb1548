"""What the contract (test_runtime.py) doesn't ask of it."""

import pytest
import torch
from torch import nn

from nas.errors import RuntimeUnavailableError
from nas.runtimes.cudagraph import CudaGraph


def test_a_cpu_has_no_graphs() -> None:
    with pytest.raises(RuntimeUnavailableError, match="device of cudagraph must be cuda"):
        CudaGraph("cpu", 1)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_graph_computes_what_is_scored_also_after_other_images() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 10)).eval()
    images = torch.randn(2, 3, 8, 8)
    compiled = CudaGraph("cuda", 1).compile(network, images)
    first = compiled.logits(images)
    compiled.logits(torch.randn(5, 3, 8, 8))
    with torch.inference_mode():
        compiled._output.zero_()
    compiled.run()
    torch.testing.assert_close(compiled._output.float().cpu(), first, rtol=1e-3, atol=1e-3)
