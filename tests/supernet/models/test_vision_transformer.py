import random

import pytest
import torch
from torchvision.models.vision_transformer import VisionTransformer

from nas.runtimes import load_runtime
from supernet.elastic.supernet import Supernet
from supernet.models.registry import build_model
from supernet.models.vision_transformer import ResizableVisionTransformer, make_resizable
from supernet.proof import prove
from supernet.space import SearchSpace, SubnetConfig


def make() -> VisionTransformer:
    torch.manual_seed(0)
    model = VisionTransformer(
        image_size=32, patch_size=8, num_layers=2, num_heads=4, hidden_dim=32, mlp_dim=48,
        num_classes=5,
    )  # fmt: skip
    torch.nn.init.normal_(model.heads.get_parameter("head.weight"))
    return model.eval()


def test_at_its_own_size_it_computes_what_it_did() -> None:
    model, images = make(), torch.randn(2, 3, 32, 32)
    expected = model(images)
    names = list(model.state_dict())
    make_resizable(model)
    assert torch.equal(model(images), expected)
    assert list(model.state_dict()) == names


def test_what_is_no_vit_of_torchvision_stays_as_it_is() -> None:
    class Own(VisionTransformer):  # type: ignore[misc]
        pass

    model = make()
    model.__class__ = Own
    make_resizable(model)
    assert type(model) is Own


def test_torchvisions_names_build_it() -> None:
    model = build_model("vit_b_32", 5, {"image_size": 64})
    assert isinstance(model, ResizableVisionTransformer)


@pytest.fixture(scope="module")
def supernet() -> Supernet:
    model = make()
    make_resizable(model)
    space = SearchSpace(resolutions=(32, 24, 16))
    return Supernet(model, torch.empty(1, 3, 32, 32), space).eval()


def test_all_is_elastic_at_all_resolutions(supernet: Supernet) -> None:
    assert not supernet.channels.kept
    assert prove(supernet).num_configs == 3


def test_an_extracted_one_runs_in_onnx_runtime(supernet: Supernet) -> None:
    config = SubnetConfig(width_mults=supernet.space.random_widths(random.Random(0)), resolution=24)
    images = torch.randn(1, 3, 24, 24)
    extracted = supernet.extract(config).eval()
    with torch.inference_mode():
        expected = supernet(images, config)
        torch.testing.assert_close(extracted(images), expected)
    runtime = load_runtime("onnxruntime", device="cpu", num_threads=1)
    compiled = runtime.compile(extracted, images)
    torch.testing.assert_close(compiled.logits(images), expected, rtol=1e-4, atol=1e-5)
