import os
import shutil
from pathlib import Path

import pytest
import torch

from supernet.elastic.supernet import Supernet
from supernet.errors import SupernetError
from supernet.job.recipe import RECIPES
from supernet.models import WideResNet
from supernet.space import SearchSpace, widths_from
from supernet.train.compiled import Compiled

RECIPE = RECIPES["mutual"]
FEW = (0.25, 0.5, 0.75, 1.0)


def make(resolutions: tuple[int, ...] = (12,), widths: tuple[float, ...] = FEW) -> Supernet:
    torch.manual_seed(0)
    space = SearchSpace(widths=widths, resolutions=resolutions)
    return Supernet(WideResNet(10, depth=10, widen=1), torch.empty(1, 3, 12, 12), space)


@pytest.mark.slow  # half a minute of compiling
@pytest.mark.skipif(
    shutil.which(os.environ.get("CXX", "g++")) is None, reason="no g++ to compile with"
)
def test_a_compiled_subnet_computes_the_same_and_is_compiled_once() -> None:
    supernet = make()
    compiled = Compiled(supernet, RECIPE)
    torch.manual_seed(0)
    for number in range(3):
        images = torch.randn(4, 3, 12, 12)
        gradients = []
        for network in (supernet, compiled):
            supernet.zero_grad()
            logits = network(images, supernet.space.smallest)
            logits.square().sum().backward()
            gradients.append([p.grad.clone() for p in supernet.parameters() if p.grad is not None])
        assert len(compiled.functions) == 1, number
        for plain, fast in zip(*gradients, strict=True):
            torch.testing.assert_close(fast, plain, rtol=1e-3, atol=1e-3)


@pytest.mark.slow  # ten seconds of importing the compiler
def test_a_missing_compiler_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # What was compiled before, in this process or on this machine, needs no compiler.
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch._dynamo.reset()
    supernet = make()
    without = {"fx_graph_cache": False, "cpp.cxx": (None, "no-such-compiler")}
    with (
        torch._functorch.config.patch(enable_autograd_cache=False),
        torch._inductor.config.patch(without),
        pytest.raises(SupernetError, match=r"--compile needs a compiler .* leave --compile out"),
    ):
        Compiled(supernet, RECIPE)(torch.randn(4, 3, 12, 12), supernet.space.smallest)


def test_too_many_shapes_are_refused() -> None:
    with pytest.raises(SupernetError, match="there are 16,384: choose a few --widths"):
        Compiled(make((12, 11, 10, 9), widths_from(0.25)), RECIPE)
    Compiled(make(), RECIPES["independent"])
